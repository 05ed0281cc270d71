// Ring: an event that rings a call, in every form that clients send. MSC4075, protocol.md 7.1.
import { callIdOf } from "../join/content.ts";
import type { RoomEvent } from "../matrix.ts";
import { stickyKeyOf } from "../membership/sticky-event.ts";
import { isId, isWord } from "../room/bounds.ts";
import { isObject, type JsonObject, objectOr } from "../room/json.ts";
import { roomCallSlot } from "../room/names.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import { ringNames } from "../room/names.ts";
import { ringTypes } from "../room/ring-types.ts";
import { isSlotId } from "../room/slot.ts";

/** The forms of a ring: that of 2024, that of matrix-js-sdk 43 and Element Call, and that of the newest MSC4075. */
export type RingForm = "call-notify" | "notification" | "invite";

/** A ring as its event says it. Times are in milliseconds since 1970. protocol.md 7.1. */
export interface Ring {
  readonly form: RingForm;
  readonly eventId: string;
  /** The type of its event. */
  readonly type: string;
  readonly sender: string;
  /** The slot id as the event has it: `m.call#ROOM` and `m.call#room` are the same call. */
  readonly slot: string;
  /** When it was sent, by the clock of the server. */
  readonly sentTs: number;
  /** When it was sent, by the clock of the sender. */
  readonly senderTs: number;
  /** How long it lasts, at most 120,000. */
  readonly lifetimeMs: number;
  /** The users that it names. */
  readonly userIds: readonly string[];
  /** Whether it is for everybody in the room. It counts if the sender may notify the room. */
  readonly isForRoom: boolean;
  /** What the sender asks for: a ring, or a quiet notification. The newest form always says `ring`. */
  readonly alert: "ring" | "notification";
  /** `audio`, `video` or something else, if the event says it. */
  readonly intent: string | undefined;
  /** The membership event of the sender, if the event names one. */
  readonly memberEventId: string | undefined;
}

/** An event of the sender of a ring that takes it back. `slot` is undefined if the event has no content at all. */
export interface Withdrawal {
  readonly withdraws: string | undefined;
}

/** A longer lifetime counts as this one. MSC4075. */
export const maxLifetimeMs = 120_000;
/** The lifetime of a ring of 2024, which has no field for it. */
const defaultLifetimeMs = 90_000;
const maxUserIds = 1_000;

/** Finds the slot of a membership event, for rings that name the event alone. */
export type SlotOfMember = (memberEventId: string) => string | undefined;

export const isRingType = (type: string): boolean => ringTypes.includes(type);

/**
 * Decodes an event that rings a call, or that takes a ring back. It never throws.
 *
 * `malformed` is the path of the first wrong field. protocol.md 7.1, 7.3.
 *
 * @param slotOf Finds the slot of a membership event. Rings of clients before 2026 may name no slot. Default: none is found.
 * @example
 * ```ts
 * import { decodeRing } from "matrixrtc-rx/ringing";
 *
 * const content = {
 *   slot_id: "m.call#ROOM",
 *   sender_ts: 1,
 *   lifetime: 90_000,
 *   "m.mentions": { user_ids: ["@bob:example.org"] },
 * };
 * const event = { type: "org.matrix.msc4075.rtc.invite", sender: "@alice:example.org", eventId: "$1", originServerTs: 1 };
 * const { ok } = decodeRing({ ...event, content });
 * console.assert(ok !== undefined && "form" in ok && ok.form === "invite");
 * console.assert(decodeRing({ ...event, content: { ...content, lifetime: -1 } }).malformed === "lifetime");
 * ```
 */
export function decodeRing(event: RoomEvent, slotOf: SlotOfMember = () => undefined): Parsed<Ring | Withdrawal> {
  const { type, content } = event;
  if (!isRingType(type)) return malformed("type");
  if (!isObject(content)) return malformed("content");
  if (Object.keys(content).every((key) => key === "msc4354_sticky_key" || key === "sticky_key"))
    return parsed({ withdraws: stickyKeyOf(content) });
  return formOf(type) === "call-notify" ? decodeCallNotify(event, content) : decodeNotification(event, content, slotOf);
}

export const isWithdrawal = (decoded: Ring | Withdrawal): decoded is Withdrawal => "withdraws" in decoded;

function formOf(type: string): RingForm {
  if (type === ringNames.deployed.invite || type === ringNames.stable.invite) return "invite";
  return type === ringNames.deployed.notification || type === ringNames.stable.notification
    ? "notification"
    : "call-notify";
}

function decodeCallNotify(event: RoomEvent, content: JsonObject): Parsed<Ring> {
  const { application, call_id: callId, notify_type: alert } = content;
  if (!isWord(application) || application === "" || application.includes("#")) return malformed("application");
  if (!isId(callId) || callId.includes("#")) return malformed("call_id");
  const slot =
    application === "m.call" && callId === callIdOf(roomCallSlot) ? roomCallSlot : `${application}#${callId}`;
  return ringOf(event, content, {
    slot,
    senderTs: event.originServerTs,
    lifetimeMs: defaultLifetimeMs,
    alert: alert === "notify" ? "notification" : "ring",
  });
}

function decodeNotification(event: RoomEvent, content: JsonObject, slotOf: SlotOfMember): Parsed<Ring> {
  const { sender_ts: senderTs, lifetime, notification_type: alert } = content;
  const slot = content["slot_id"] ?? slotOf(referenceIn(content) ?? "");
  if (!isSlotId(slot)) return malformed("slot_id");
  const key = content["msc4354_sticky_key"] ?? content["sticky_key"];
  if (key !== undefined && key !== slot) return malformed("sticky_key");
  if (!isTime(senderTs)) return malformed("sender_ts");
  if (!isTime(lifetime)) return malformed("lifetime");
  const lifetimeMs = Math.min(lifetime, maxLifetimeMs);
  return ringOf(event, content, { slot, senderTs, lifetimeMs, alert: alert === "notification" ? alert : "ring" });
}

type OwnFields = Pick<Ring, "slot" | "senderTs" | "lifetimeMs" | "alert">;

/** The fields that all forms have in common. */
function ringOf(event: RoomEvent, content: JsonObject, ownFields: OwnFields): Parsed<Ring> {
  const mentions = content["m.mentions"];
  if (!isObject(mentions)) return malformed("m.mentions");
  const { room = false, user_ids: userIds = [] } = mentions;
  if (typeof room !== "boolean") return malformed("m.mentions.room");
  if (!Array.isArray(userIds) || userIds.length > maxUserIds || !userIds.every(isId))
    return malformed("m.mentions.user_ids");
  if (!room && userIds.length === 0) return malformed("m.mentions");
  const { type, sender, eventId, originServerTs: sentTs } = event;
  const intent = content["m.call.intent"];
  return parsed({
    form: formOf(type),
    eventId,
    type,
    sender,
    sentTs,
    ...ownFields,
    userIds,
    isForRoom: room,
    intent: isWord(intent) ? intent : undefined,
    memberEventId: referenceIn(content),
  });
}

/** The event that a content refers to with `m.reference`. */
export function referenceIn(content: unknown): string | undefined {
  const { rel_type: relation, event_id: eventId } = objectOr(objectOr(content)["m.relates_to"]);
  return relation === "m.reference" && isId(eventId) ? eventId : undefined;
}

const isTime = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
