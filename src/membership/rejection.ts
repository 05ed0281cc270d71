// Rejection: an event that looks like a membership but makes no member, and why. protocol.md 3.2, 3.3, 11.

/** Why an event makes no member. */
export type RejectionReason =
  /** A field is missing or wrong; `path` names it. */
  | "malformed"
  /** Its lifetime is over. */
  | "expired"
  /** Its sender is not joined to the room. */
  | "not-in-room"
  /** The slot is closed, or absent while `strictSlots` is set. */
  | "slot-closed"
  /** It belongs to another slot. */
  | "other-slot"
  /** The `application` option of the session refused its data. */
  | "bad-application"
  /** A sticky join that was sent in the clear in an encrypted room. */
  | "unencrypted"
  /** A sticky event that this client cannot decrypt: perhaps a member, perhaps not. */
  | "undecryptable"
  /** Another membership of the same device counts instead. */
  | "superseded"
  /** It says that its sender has left. */
  | "left";

/** An event that looks like a membership but makes no member, with the reason. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** With `malformed`: the first wrong field, for instance `transports.published[0]`. */
  readonly path?: string;
  /** With `not-in-room`: the client does not know whether the sender is in the room, and asks the server. */
  readonly isBeingLookedUp?: true;
  /** How the event travels: as a state event or as a sticky event. */
  readonly kind: "state" | "sticky";
  /** The sender of the event. */
  readonly userId: string;
  /** The device that it names, if it can be read. */
  readonly deviceId?: string;
  /** Only for a sticky leave: its sticky key, which is the member id of the member that left. */
  readonly stickyKey?: string;
  readonly eventId: string;
  /** When it was sent, by the clock of its server: milliseconds since 1970. */
  readonly originServerTs: number;
  /**
   * When the reason changes by itself, as far as the current events say: milliseconds since 1970. Absent if only another
   * event can change it.
   */
  readonly untilTs?: number;
}
