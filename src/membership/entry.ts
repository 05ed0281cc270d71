// Entry: the event at one key of a room, parsed: a state key, or a sticky key of a sender. protocol.md 1.4, 3.1.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { isEmpty } from "../room/json.ts";
import type { Parsed } from "../room/parsed.ts";
import type { Timed } from "../rx/timer-queue.ts";
import type { Application, Membership } from "../types.ts";
import type { MembershipClaim } from "./claim.ts";
import type { Rejection } from "./rejection.ts";
import { mayClaim } from "./sender-limits.ts";
import type { FirstRead } from "./state-event.ts";
import { parseStickyMember, stickyKeyOf } from "./sticky-event.ts";

/** The event at one key: a state key, or a sticky key of a sender. */
export type Entry = StateEntry | StickyEntry;

export interface StateEntry extends EntryBase {
  readonly kind: "state";
  readonly event: RoomEvent;
  readonly claim: Membership | undefined;
  /** Whether its content was empty when it was parsed. A redaction empties it; nothing else changes an event. */
  readonly wasEmpty: boolean;
}

export interface StickyEntry extends EntryBase {
  readonly kind: "sticky";
  readonly event: StickyEvent;
  readonly claim: MembershipClaim | undefined;
  /** The last leave event at this key. A join after it is a new instance, even with the same member id (1.5). */
  readonly leaveId: string | undefined;
  /** The last end of the events that it has replaced at this key. Later than its own end: they count again after it. */
  replacedUntilTs: number;
}

interface EntryBase extends Timed {
  readonly key: string;
  /** Whether it may be a membership. Events that cannot be one have a limit of their own for each sender. */
  readonly mayClaim: boolean;
  /** What the event claims, if it claims a membership. */
  readonly claim: MembershipClaim | undefined;
  /** Why it claims none, or why its claim cannot count. */
  readonly problem: Problem | undefined;
  /** Whether its end has passed. It stays so if the clock is set back. */
  hasEnded: boolean;
  /** The member that it makes, once it has made one: kept, so that the member keeps its identity. */
  member: Membership | undefined;
  /** The outcome of the last step of the fold, for this entry or for the one that it replaces. */
  outcome: Outcome | undefined;
}

/** What is wrong with an event by itself, whatever the room says. */
export type Problem = Pick<Rejection, "reason" | "path">;

/** An event makes a member or is rejected. */
export type Outcome = Membership | Rejection;

export const isRejection = (outcome: Outcome | undefined): outcome is Rejection =>
  outcome !== undefined && "reason" in outcome;

/**
 * Whether an entry was made of this event as it is now. It does not compare content objects: a client may make a new copy for
 * each read, or empty the object in place at a redaction.
 */
export const isMadeOf = ({ event: before, wasEmpty }: StateEntry, event: RoomEvent): boolean =>
  before.eventId === event.eventId && wasEmpty === isEmpty(event.content);

/** Decodes the data of the application in a claim; undefined if it is refused. */
export type DecodeApplication = (claim: MembershipClaim) => Application | undefined;

/** Reads what a state event claims. */
export type ParseState = (event: RoomEvent, first: FirstRead) => Parsed<Membership | "left">;

/** The entry of a state event. It ends if it claims a membership. */
export function stateEntry(
  key: string,
  event: RoomEvent,
  decoded: Parsed<Membership | "left">,
  decode: DecodeApplication,
): StateEntry {
  const { claim, problem } = checked(decoded, decode);
  return {
    kind: "state",
    key,
    event,
    claim,
    problem,
    mayClaim: mayClaim(event),
    wasEmpty: isEmpty(event.content),
    endTs: claim ? claim.expiresTs : Infinity,
    heapIndex: -1,
    hasEnded: false,
    member: undefined,
    outcome: undefined,
  };
}

/** The entry of a sticky event that ends at `endTs`. `before` is the entry that it replaces. */
export function stickyEntry(
  event: StickyEvent,
  endTs: number,
  key: StickyKey,
  decode: DecodeApplication,
  before?: StickyEntry,
): StickyEntry {
  const { claim, problem } = isUndecryptable(event) ? undecryptable : checked(parseStickyMember(event, endTs), decode);
  return {
    kind: "sticky",
    key: key.text,
    event,
    claim,
    problem,
    mayClaim: key.isShared,
    leaveId: lastLeave(before),
    replacedUntilTs: before ? Math.max(before.endTs, before.replacedUntilTs) : -Infinity,
    endTs,
    heapIndex: -1,
    hasEnded: false,
    member: undefined,
    outcome: undefined,
  };
}

/** The key of a sticky event, and whether other events of its sender can have the same key. */
export interface StickyKey {
  readonly text: string;
  readonly isShared: boolean;
}

/** Type, sender and sticky key, or the event id if there is no sticky key. */
export function keyOfSticky(event: StickyEvent): StickyKey {
  const { type, sender, eventId, content } = event;
  const key = isUndecryptable(event) ? undefined : stickyKeyOf(content);
  return key === undefined
    ? { text: JSON.stringify([eventId]), isShared: false }
    : { text: JSON.stringify([type, sender, key]), isShared: true };
}

export const isUndecryptable = ({ encryption }: StickyEvent): boolean => encryption === "undecryptable";

const undecryptable = { claim: undefined, problem: { reason: "undecryptable" } } as const;
const refused: Problem = { reason: "bad-application" };
const hasLeft = { claim: undefined, problem: { reason: "left" } } as const;

/** A decoded event as a claim with its decoded application, or as a problem. */
function checked<Claim extends MembershipClaim>(
  decoded: Parsed<Claim | "left">,
  decode: DecodeApplication,
): { readonly claim: Claim | undefined; readonly problem: Problem | undefined } {
  if (decoded.malformed !== undefined)
    return { claim: undefined, problem: { reason: "malformed", path: decoded.malformed } };
  const claim = decoded.ok;
  if (claim === "left") return hasLeft;
  const application = decode(claim);
  if (application === claim.application) return { claim, problem: undefined };
  return application ? { claim: { ...claim, application }, problem: undefined } : { claim, problem: refused };
}

const lastLeave = (entry: StickyEntry | undefined): string | undefined =>
  entry?.problem?.reason === "left" ? entry.event.eventId : entry?.leaveId;
