// Rejection: an event that looks like a member but is not one, and why. protocol.md 3.2, 3.3, 11.
import type { Entry } from "./entry.ts";
import type { Objection } from "./eligibility.ts";

/** Why an event makes no member. */
export type RejectionReason =
  /** A field is missing or of the wrong shape: `path` names it. */
  | "malformed"
  /** Its time is over. */
  | "expired"
  /** Its sender is not joined to the room. */
  | "not-in-room"
  /** The slot is closed, or absent under `strictSlots`. */
  | "slot-closed"
  /** It belongs to another slot. */
  | "other-slot"
  /** A sticky join in the clear, in an encrypted room. */
  | "unencrypted"
  /** A sticky event that this client cannot decrypt: perhaps a member, perhaps not. */
  | "undecryptable"
  /** Another membership of the same device counts instead. */
  | "superseded"
  /** It says that its sender has left. */
  | "left";

/** An event that looks like a membership but is not, with the reason. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** With `malformed`: the field, for instance `transports.published[0]`. */
  readonly path?: string;
  readonly kind: "state" | "sticky";
  /** The sender. */
  readonly userId: string;
  /** The device that it names, where it is readable. */
  readonly deviceId?: string;
  readonly eventId: string;
  /** When it was sent, by its server. */
  readonly originServerTs: number;
  /** When this changes by itself; absent if only another event can change it. */
  readonly untilTs?: number;
}

export function rejectionOf({ kind, event, parsed }: Entry, { reason, untilTs }: Objection): Rejection {
  return {
    reason,
    ...(parsed.kind === "malformed" && { path: parsed.path }),
    kind,
    userId: event.sender,
    ...(parsed.kind === "claim" && { deviceId: parsed.claim.deviceId }),
    eventId: event.eventId,
    originServerTs: event.originServerTs,
    ...(untilTs !== Infinity && { untilTs }),
  };
}

export const isSameRejection = (a: Rejection, b: Rejection): boolean =>
  a.eventId === b.eventId && a.reason === b.reason && a.untilTs === b.untilTs && a.path === b.path;
