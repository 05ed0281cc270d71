// Wire: key messages in all their forms. protocol.md 5.2, 5.3, 5.5, E8 to E10, 11 rows 11 to 13.
import { fromBase64, toBase64, toUnpaddedBase64 } from "../room/base64.ts";
import { isId } from "../room/bounds.ts";
import { isFiniteNumber, isObject, isString, objectOr } from "../room/json.ts";
import { isSameCall, roomCallSlot, roomKeyType } from "../room/names.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import { applicationTypeOf } from "../room/slot.ts";
import type { KeyFormat } from "./options.ts";
import { maxSteps } from "./ratchet.ts";

/** What a key message says. Its sender claims everything in it. */
export interface KeyMessage {
  readonly roomId: string;
  /** The slot, if the message names one. Only messages of this library do. */
  readonly slot: string | undefined;
  readonly application: string | undefined;
  readonly keyIndex: number;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly memberId: string | undefined;
  readonly deviceId: string | undefined;
  readonly sentTs: number | undefined;
  /** Whether the sender lacks our key and requests it. */
  readonly wantsKey: boolean;
  /** How many steps of a ratcheted key the sender follows by itself, 1 to 8. */
  readonly reach: number;
}

/** Fields of this library. Other clients ignore them. */
const slotField = "rx.matrixrtc.slot_id";
/** A client that knows it sends its key again. */
const wantsKeyField = "rx.matrixrtc.wants_key";
/** How many steps of a key the sender follows by itself. The receivers of livekit-client follow one. */
const reachField = "rx.matrixrtc.ratchet_window";
/** When the message was sent, in the format that has no field for it. */
const sentTsField = "rx.matrixrtc.sent_ts";

/** Type names on the wire: the one in use, then the two of the proposal. */
const types: Readonly<Record<string, KeyFormat>> = {
  "io.element.call.encryption_keys": "io.element.call.encryption_keys",
  "org.matrix.msc4143.rtc.encryption_key": "m.rtc.encryption_key",
  "m.rtc.encryption_key": "m.rtc.encryption_key",
};

/** The format of a to-device message by its type. Undefined if it is no key message. */
export const formatOf = (type: string): KeyFormat | undefined => (Object.hasOwn(types, type) ? types[type] : undefined);

/** The length of a key in a format. */
export const keyBytes = (format: KeyFormat): number => (format === "m.rtc.encryption_key" ? 32 : 16);

type IndexedKey = Pick<KeyMessage, "keyIndex" | "key">;

/** In characters of base64: 32 bytes take 44. */
const maxKeyLength = 64;

function readKey(value: unknown): Parsed<IndexedKey> {
  const { index, key } = objectOr(value);
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index > 255) return malformed("index");
  const bytes = isString(key) && key.length <= maxKeyLength ? fromBase64(key) : undefined;
  if (bytes?.length !== 16 && bytes?.length !== 32) return malformed("key");
  return parsed({ keyIndex: index, key: bytes });
}

const timeIn = (value: unknown): number | undefined => (isFiniteNumber(value) ? value : undefined);

const reachIn = (value: unknown): number => Math.max(1, Math.min(maxSteps, timeIn(value) ?? 1));

/** Reads a key message. */
export function parseKeyMessage(format: KeyFormat, content: unknown): Parsed<KeyMessage> {
  const { room_id: roomId, ...rest } = objectOr(content);
  if (!isString(roomId)) return malformed("room_id");
  const isNew = format === "m.rtc.encryption_key";
  const name = isNew ? "media_key" : "keys";
  const keys = rest[name];
  if (!isObject(keys)) return malformed(name);
  const read = readKey(keys);
  if (!read.ok) return malformed(`${name}.${read.malformed}`);
  const slot = rest[slotField];
  const wantsKey = rest[wantsKeyField] === true;
  const common = {
    roomId,
    slot: isString(slot) ? slot : undefined,
    ...read.ok,
    wantsKey,
    reach: reachIn(rest[reachField]),
  };
  if (isNew) {
    const memberId = rest["member_id"];
    if (!isId(memberId)) return malformed("member_id");
    return parsed({
      ...common,
      memberId,
      deviceId: undefined,
      application: undefined,
      sentTs: timeIn(rest[sentTsField]),
    });
  }
  const { id, claimed_device_id: deviceId } = objectOr(rest["member"]);
  if (!isId(deviceId)) return malformed("member.claimed_device_id");
  const { application } = objectOr(rest["session"]);
  return parsed({
    ...common,
    memberId: isId(id) ? id : undefined,
    deviceId,
    application: isString(application) ? application : undefined,
    sentTs: timeIn(rest["sent_ts"]),
  });
}

/** What a timeline event with keys says (protocol.md 5.5, E10): several keys of one device. */
export interface RoomKeys {
  readonly slot: string;
  readonly deviceId: string;
  readonly keys: readonly IndexedKey[];
}

/** Reads a timeline event with keys. It leaves out malformed keys. */
export function parseRoomKeys(content: unknown): Parsed<RoomKeys> {
  const { device_id: deviceId, call_id: callId, keys } = objectOr(content);
  if (!isId(deviceId)) return malformed("device_id");
  if (!isString(callId)) return malformed("call_id");
  if (!Array.isArray(keys)) return malformed("keys");
  const slot = callId === "" ? roomCallSlot : callId;
  return parsed({ slot, deviceId, keys: keys.slice(0, 256).flatMap((key) => readKey(key).ok ?? []) });
}

/** One key of ours, to be sent for one call. */
export interface OutgoingKey {
  readonly roomId: string;
  readonly slot: string;
  readonly memberId: string;
  readonly deviceId: string;
  readonly keyIndex: number;
  readonly key: Uint8Array;
  readonly sentTs: number;
  readonly wantsKey?: boolean;
}

/** The type and content of a key message. */
export function keyMessage(format: KeyFormat, outgoing: OutgoingKey): { type: string; content: object } {
  const { roomId, slot, memberId, deviceId, keyIndex, key, sentTs, wantsKey } = outgoing;
  const ours = { [slotField]: slot, [reachField]: maxSteps, ...(wantsKey && { [wantsKeyField]: true }) };
  if (format === "m.rtc.encryption_key") {
    const media_key = { index: keyIndex, key: toUnpaddedBase64(key) };
    return {
      type: "org.matrix.msc4143.rtc.encryption_key",
      content: { room_id: roomId, member_id: memberId, media_key, format: 0, [sentTsField]: sentTs, ...ours },
    };
  }
  return {
    type: "io.element.call.encryption_keys",
    content: {
      keys: { index: keyIndex, key: toBase64(key) },
      room_id: roomId,
      member: { id: memberId, claimed_device_id: deviceId },
      session: { call_id: "", application: applicationTypeOf(slot), scope: "m.room" },
      sent_ts: sentTs,
      ...ours,
    },
  };
}

/** The type and content of a key in the timeline. Old clients know only the call of the room, and ignore any other. */
export function roomKeyEvent({ slot, deviceId, keyIndex, key, sentTs }: Omit<OutgoingKey, "roomId" | "memberId">): {
  type: string;
  content: Readonly<Record<string, unknown>>;
} {
  const keys = [{ index: keyIndex, key: toUnpaddedBase64(key) }];
  const call_id = isSameCall(slot, roomCallSlot) ? "" : slot;
  return { type: roomKeyType, content: { keys, device_id: deviceId, call_id, sent_ts: sentTs } };
}
