// Entry: the event that stands at one place of the room: at a state key, or at a sticky key of a sender. protocol.md 1.4, 3.1.
import type { Ending } from "../rx/timer-queue.ts";
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import type { Membership } from "../types.ts";
import type { Parsed } from "./claim.ts";
import type { Rejection } from "./rejection.ts";
import { parseStateMember } from "./state-event.ts";
import { parseStickyMember, stickyKeyOf } from "./sticky-event.ts";

export type Entry = StateEntry | StickyEntry;

/** An event makes a member, or is refused. */
export type Verdict = Membership | Rejection;

export const isRejection = (verdict: Verdict): verdict is Rejection => "reason" in verdict;

export interface StateEntry extends Common {
  readonly kind: "state";
  readonly event: RoomEvent;
  readonly parsed: Parsed;
}

export interface StickyEntry extends Common {
  readonly kind: "sticky";
  readonly event: StickyEvent;
  readonly parsed: Parsed | { readonly kind: "undecryptable" };
  /** Whether it stands at a sticky key. */
  readonly isKeyed: boolean;
  /** The last leave that stood there before it: what comes after is another stay, be it under the same member id (1.5). */
  readonly leaveId: string | undefined;
}

interface Common extends Ending {
  /** Where it stands, one event at a time: a state key, or a place of sticky events. */
  readonly place: string;
  /** The member that it makes, once it has made one. */
  member: Membership | undefined;
  /** What was last told of this place. */
  told: Verdict | undefined;
}

const untold = { isOver: false, index: 0, member: undefined, told: undefined };

/** The entry of a state event, which never ends unless it claims a membership. */
export function stateEntry(place: string, event: RoomEvent, now: number): StateEntry {
  const parsed = parseStateMember(event, now);
  const endTs = parsed.kind === "claim" ? parsed.claim.expiresTs : Infinity;
  return { ...untold, kind: "state", event, parsed, place, endTs };
}

/** Where a sticky event stands: at its key, where others of its sender can replace it, or all by itself. */
export function stickyPlace({ type, sender, eventId, encryption, content }: StickyEvent): string {
  const key = encryption === "undecryptable" ? undefined : stickyKeyOf(content);
  return key === undefined ? `event ${eventId}` : `key ${type} ${sender} ${key}`;
}

/** The entry of a sticky event that lasts until `endTs`, and that takes the place of another. */
export function stickyEntry(place: string, event: StickyEvent, endTs: number, before?: StickyEntry): StickyEntry {
  const isReadable = event.encryption !== "undecryptable";
  const parsed = isReadable ? parseStickyMember(event, endTs) : ({ kind: "undecryptable" } as const);
  const isKeyed = place.startsWith("key ");
  return { ...untold, kind: "sticky", event, parsed, isKeyed, leaveId: lastLeave(before), place, endTs };
}

const lastLeave = (entry: StickyEntry | undefined): string | undefined =>
  entry?.parsed.kind === "left" ? entry.event.eventId : entry?.leaveId;
