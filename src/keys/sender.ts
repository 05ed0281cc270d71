// Sender: whether a key message may be believed, by who sent it. protocol.md 5.4, 11 rows 11 and 12.
import type { Device, RoomKeyEvent, ToDeviceMessage } from "../matrix.ts";
import { roomCallSlot } from "../room/names.ts";
import { applicationTypeOf } from "../room/slot.ts";
import { sameDevice } from "./device.ts";
import type { KeyRejection } from "./trace.ts";
import { formatOf, type KeyMessage, parseKeyMessage, parseRoomKeys } from "./wire.ts";

/** A key whose sending device is proven. */
export interface ProvenKey extends Device, Pick<KeyMessage, "keyIndex" | "key" | "memberId" | "wantsKey"> {
  /** By the sender's clock where it says, else ours. */
  readonly sentTs: number;
  readonly receivedTs: number;
  /** It may be for another slot: only the sticky member of the very id that it names can be sure to be meant. */
  readonly isVague: boolean;
}

export type Judgement =
  | ProvenKey
  | { readonly refused: KeyRejection; readonly path?: string; readonly deviceId?: string };

/** For whom a message has to be, and how much its sender has to prove. */
export interface Addressee extends Device {
  readonly roomId: string;
  readonly slot: string;
  readonly requireCrossSigned: boolean;
}

/** The key in a message and the device that it is proven to come from, or why not; undefined if it is none of our business. */
export function judge(message: ToDeviceMessage, addressee: Addressee, now: number): Judgement | undefined {
  const format = formatOf(message.type);
  if (!format) return undefined;
  const parsed = parseKeyMessage(format, message.content);
  if ("malformed" in parsed) return { refused: "malformed", path: parsed.malformed };
  const { roomId, keyIndex, key, memberId, wantsKey, sentTs = now } = parsed;
  if (roomId !== addressee.roomId || !mayBeFor(addressee.slot, parsed)) return undefined;
  const judged = judgeSender(message, parsed.deviceId, addressee);
  if (!judged || "refused" in judged) return judged;
  const isVague = parsed.slot === undefined && addressee.slot !== roomCallSlot;
  return { ...judged, keyIndex, key, memberId, wantsKey, sentTs, receivedTs: now, isVague };
}

/** matrix-js-sdk names no slot, and writes m.call whatever the application is. protocol.md 5.2. */
function mayBeFor(slot: string, { slot: named, application = "m.call" }: KeyMessage): boolean {
  return named === undefined ? ["m.call", applicationTypeOf(slot)].includes(application) : named === slot;
}

/** An event of the timeline is of this join if it is no older. Others come when somebody scrolls back. */
const freshMs = 60_000;

/** The same for keys in the timeline. Their time is the server's, and so is their age: our clock may be wrong. protocol.md 5.5. */
export function judgeRoomKeys(event: RoomKeyEvent, addressee: Addressee, now: number): readonly Judgement[] {
  const { ageMs = now - event.originServerTs } = event;
  if (event.roomId !== addressee.roomId) return [];
  const parsed = parseRoomKeys(event.content);
  if ("malformed" in parsed) return [{ refused: "malformed", path: parsed.malformed }];
  if (parsed.slot !== addressee.slot) return [];
  const judged = judgeSender(event, parsed.deviceId, addressee);
  if (!judged) return [];
  if (ageMs > freshMs) return [{ refused: "stale" }];
  if ("refused" in judged) return [judged];
  const { userId, deviceId } = judged;
  const [sentTs, receivedTs] = [event.originServerTs, now];
  return parsed.keys.map(
    ({ keyIndex, key }): ProvenKey => ({
      userId,
      deviceId,
      keyIndex,
      key,
      memberId: undefined,
      wantsKey: false,
      sentTs,
      receivedTs,
      isVague: false,
    }),
  );
}

function judgeSender(
  { sender, proof }: Pick<ToDeviceMessage, "sender" | "proof">,
  claimedDeviceId: string | undefined,
  addressee: Addressee,
): Device | { readonly refused: KeyRejection; readonly deviceId?: string } | undefined {
  const claimed = claimedDeviceId === undefined ? {} : { deviceId: claimedDeviceId };
  if (!proof) return { refused: "cleartext", ...claimed };
  const { deviceId, crossSigned } = proof;
  if (deviceId === undefined) return { refused: "unproven-device", ...claimed };
  if (claimedDeviceId !== undefined && claimedDeviceId !== deviceId) return { refused: "forged-device", deviceId };
  if (addressee.requireCrossSigned && !crossSigned) return { refused: "not-cross-signed", deviceId };
  const device = { userId: sender, deviceId };
  return sameDevice(device, addressee) ? undefined : device;
}
