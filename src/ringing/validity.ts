// Validity: the rules that decide whether a ring rings here. Pure. MSC4075, protocol.md 7.3.
import type { Slot } from "../types.ts";
import { maxLifetimeMs, type Ring } from "./ring-event.ts";

/** Why a ring does not ring, or rings no longer. In the order in which the rules are applied. */
export type RingRefusal =
  /** The event is not a ring in any known form. `path` is its first wrong field. */
  | "malformed"
  /** We sent it ourselves, on this device or another. */
  | "own"
  /** The event was redacted. */
  | "redacted"
  /** Its sender took it back. */
  | "withdrawn"
  /** Its sender has sent another one for the same call. */
  | "superseded"
  /** The sender is not in the room. */
  | "not-in-room"
  /** The slot of the call is closed, or absent although `strictSlots` is set. */
  | "slot-closed"
  /** Its lifetime is over. */
  | "expired"
  /** It neither names us nor the room, or it names the room alone, and we are a bot there. */
  | "not-mentioned"
  /** It names the room, and its sender may not notify the room. */
  | "may-not-notify-room"
  /** One of our devices is in the call. */
  | "in-call"
  /** One of our devices left the call after the ring. */
  | "left"
  /** One of our devices declined it. */
  | "declined"
  /** The call that it rang for is over. */
  | "call-over";

/** What is known around a ring, as far as it decides whether the ring is valid. */
export interface RingConditions {
  readonly now: number;
  /** Our own user id. */
  readonly userId: string;
  /** Whether we are a bot or another functional member (`io.element.functional_members`), which only its own name reaches. */
  readonly isFunctional: boolean;
  /** When this client first saw the ring. Its remaining time is limited from then on. */
  readonly seenTs: number;
  /** What its sender has done with it since. */
  readonly revoked: "redacted" | "withdrawn" | "superseded" | undefined;
  readonly isSenderInRoom: boolean;
  readonly slotStatus: Slot["status"];
  readonly strictSlots: boolean;
  readonly maySenderNotifyRoom: boolean;
  /** Whether a device of ours is in the call. */
  readonly isInCall: boolean;
  /** When a device of ours last left the call, by the clock of the server. */
  readonly leftTs: number | undefined;
  readonly hasDeclined: boolean;
  /** Whether the call that it rang for has ended. */
  readonly isCallOver: boolean;
}

/** A sender's clock that is further ahead of the server's is not believed. */
const maxAheadMs = 20_000;

/**
 * When a ring ends, in milliseconds since 1970.
 *
 * The lifetime counts from the sender's clock, or from the server's if the sender's is more than 20 s ahead of it. A ring lasts
 * at most two minutes from the time when this client saw it first. MSC4075, protocol.md 7.3.
 *
 * @example
 * ```ts
 * import { ringEndTs } from "matrixrtc-rx/ringing";
 *
 * console.assert(ringEndTs({ senderTs: 19_000, sentTs: 0, lifetimeMs: 30_000 }, 0) === 49_000);
 * console.assert(ringEndTs({ senderTs: 21_000, sentTs: 0, lifetimeMs: 30_000 }, 0) === 30_000);
 * ```
 */
export function ringEndTs(ring: Pick<Ring, "senderTs" | "sentTs" | "lifetimeMs">, seenTs: number): number {
  const { senderTs, sentTs, lifetimeMs } = ring;
  const beginTs = senderTs - sentTs > maxAheadMs ? sentTs : senderTs;
  return Math.min(beginTs + lifetimeMs, seenTs + maxLifetimeMs);
}

/**
 * Why a ring does not ring; undefined if it does. Each rule of protocol.md 7.3 has its reason.
 *
 * @example
 * ```ts
 * import { ringRefusal, type Ring, type RingConditions } from "matrixrtc-rx/ringing";
 *
 * const check = (ring: Ring, conditions: RingConditions) => ringRefusal(ring, conditions) ?? "rings";
 * console.assert(typeof check === "function");
 * ```
 */
export function ringRefusal(ring: Ring, conditions: RingConditions): RingRefusal | undefined {
  const { now, userId, seenTs, revoked, slotStatus, strictSlots, leftTs } = conditions;
  if (ring.sender === userId) return "own";
  if (revoked) return revoked;
  if (!conditions.isSenderInRoom) return "not-in-room";
  if (slotStatus === "closed" || (slotStatus === "absent" && strictSlots)) return "slot-closed";
  if (now >= ringEndTs(ring, seenTs)) return "expired";
  if (!ring.userIds.includes(userId)) {
    if (!ring.isForRoom || conditions.isFunctional) return "not-mentioned";
    if (!conditions.maySenderNotifyRoom) return "may-not-notify-room";
  }
  if (conditions.isInCall) return "in-call";
  if (leftTs !== undefined && leftTs >= ring.sentTs) return "left";
  if (conditions.hasDeclined) return "declined";
  return conditions.isCallOver ? "call-over" : undefined;
}
