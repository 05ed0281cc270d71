// MemberFold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// It is incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members
// there are. It knows no RxJS, no clock and no network.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { stickyMemberTypes } from "../room/names.ts";
import type { Membership, Slot } from "../types.ts";
import { type Changes, changesBetween, type Departure } from "./changes.ts";
import type { MembershipClaim } from "./claim.ts";
import {
  checkEligibility,
  type Eligibility,
  isSameRejection,
  precedes,
  type RoomConditions,
  type Rules,
} from "./eligibility.ts";
import {
  type Entry,
  EventStore,
  isUndecryptable,
  keyOfSticky,
  type Outcome,
  stateEntry,
  stickyEntry,
} from "./event-store.ts";
import { participantIdentity } from "./identity.ts";
import { byText, reordered } from "./order.ts";
import { PreviousMembers } from "./previous-members.ts";
import type { Rejection } from "./rejection.ts";
import { isMoreComplete, outranks, stickyEndTs } from "./sticky-map.ts";

/**
 * How many events of each sort are kept for one sender: state events that claim a membership, state events that do not,
 * sticky events with a key, and sticky events without. Above it, the event of the lowest precedence is dropped.
 */
const maxPerSender = 100;

/** How many rejections are listed. */
const maxRejections = 1_000;

export class MemberFold {
  readonly #rules: Rules;
  #room: RoomConditions;
  readonly #events = new EventStore();
  /** The senders whose events have to be checked again. */
  readonly #dirtySenders = new Set<string>();
  /** The outcomes of entries that were removed since the last step, with the reason. */
  #removed: { readonly outcome: Outcome; readonly reason: Departure["reason"] }[] = [];
  /** The members that an earlier fold of the same room had, until the first step. */
  #previous: PreviousMembers | undefined;

  #members: readonly Membership[] = [];
  #rejections: readonly Rejection[] = [];
  #areRejectionsCurrent = true;

  /** @param previous The members of an earlier fold of the room. They keep their identity where they are the same. */
  constructor(rules: Rules, isInRoom: RoomConditions["isInRoom"], previous: readonly Membership[] = []) {
    this.#rules = rules;
    this.#room = { slotStatus: "absent", encrypted: false, isInRoom };
    this.#previous = new PreviousMembers(previous);
  }

  /** The members of the call, oldest first. It is the same list object until a member changes. */
  get members(): readonly Membership[] {
    return this.#members;
  }

  /** The newest rejections, oldest first. It is the same list object until one of them changes. */
  get rejections(): readonly Rejection[] {
    if (!this.#areRejectionsCurrent) this.#rejections = this.#newestRejections();
    this.#areRejectionsCurrent = true;
    return this.#rejections;
  }

  /** When something will change without another event. */
  get deadlineTs(): number | undefined {
    return this.#events.soonestTs;
  }

  /** The state keys that have an event. */
  stateKeys(): Iterable<string> {
    return this.#events.stateKeys();
  }

  /** Puts the event that is at a state key now; undefined if there is none. */
  putState(stateKey: string, event: RoomEvent | undefined, now: number): void {
    const before = this.#events.stateAt(stateKey);
    if (before && event && isUnchanged(before.event, event)) return;
    if (!event) {
      if (before) this.#remove(before, "left");
      return;
    }
    const entry = stateEntry(stateKey, event, now);
    if (!before || !saysTheSame(before, entry)) this.#put(entry, before);
  }

  /** Puts a sticky event. Events may come in any order, and more than once. */
  putSticky(event: StickyEvent, now: number): void {
    const endTs = stickyEndTs(event);
    if (endTs <= now) return;
    const known = this.#events.stickyById(event.eventId);
    if (known && (known.claim || !isMoreComplete(event, known.event))) return;
    if (known) this.#remove(known, "replaced");
    if (!isUndecryptable(event) && !stickyMemberTypes.includes(event.type)) return;
    const key = keyOfSticky(event);
    const before = this.#events.stickyAt(key.text);
    if (before && !outranks(event, before.event)) return;
    this.#put(stickyEntry(event, endTs, key, before ?? known), before);
  }

  /** Removes a redacted sticky event. Returns true if it was the current one: then put the events again that it replaced. */
  redact(eventId: string): boolean {
    const entry = this.#events.stickyById(eventId);
    if (entry) this.#remove(entry, "left");
    return entry !== undefined;
  }

  /** Takes over what the room says about itself. */
  setRoom(slotStatus: Slot["status"], encrypted: boolean): void {
    if (slotStatus === this.#room.slotStatus && encrypted === this.#room.encrypted) return;
    this.#room = { ...this.#room, slotStatus, encrypted };
    for (const { kind, event } of this.#events) if (kind === "sticky") this.#dirtySenders.add(event.sender);
  }

  /** Checks again whether a user is in the room, or all users if no id is given. */
  recheckUsers(userId?: string): void {
    if (userId !== undefined) this.#dirtySenders.add(userId);
    else for (const { event } of this.#events) this.#dirtySenders.add(event.sender);
  }

  /** Takes the next step: applies all events that were put, and the time. Returns what it changed. */
  recompute(now: number): Changes {
    this.#endDue(now);
    const step: Step = { removed: [], added: [], rejected: [] };
    for (const { outcome, reason } of this.#removed) this.#withdraw(step, outcome, reason);
    for (const userId of this.#dirtySenders) {
      for (const eligibility of checkEligibility(this.#events.bySender(userId), this.#rules, this.#room)) {
        this.#setOutcome(step, eligibility.entry, this.#outcomeOf(eligibility));
      }
    }
    this.#removed = [];
    this.#dirtySenders.clear();
    const { removed, added, rejected } = step;
    if (removed.length + added.length > 0) this.#members = reordered(this.#members, removed.map(memberOf), added);
    this.#members = this.#previous?.same(this.#members) ?? this.#members;
    this.#previous = undefined;
    return { ...changesBetween(removed, added), rejected };
  }

  #setOutcome(step: Step, entry: Entry, outcome: Outcome): void {
    const before = entry.outcome;
    if (outcome === before) return;
    if (before) this.#withdraw(step, before, outcome.kind === "rejected" ? outcome.rejection.reason : "replaced");
    entry.outcome = outcome;
    if (outcome.kind === "member") {
      step.added.push(outcome.member);
      return;
    }
    step.rejected.push(outcome.rejection);
    this.#areRejectionsCurrent = false;
  }

  #withdraw({ removed }: Step, outcome: Outcome, reason: Departure["reason"]): void {
    if (outcome.kind === "member") removed.push({ member: outcome.member, reason });
    else this.#areRejectionsCurrent = false;
  }

  /** The outcome for an entry: the same object as before if nothing changed. */
  #outcomeOf(eligibility: Eligibility): Outcome {
    const { entry, rejection } = eligibility;
    if (!rejection) return (entry.accepted ??= { kind: "member", member: this.#memberOf(eligibility.claim, entry) });
    const before = entry.outcome;
    const isSame = before?.kind === "rejected" && isSameRejection(before.rejection, rejection);
    return isSame ? before : { kind: "rejected", rejection };
  }

  /** The member of a claim. A renewed member keeps its participant identity, so that this is hashed once. */
  #memberOf(claim: MembershipClaim, entry: Entry): Membership {
    const previous = this.#previous?.of(claim);
    if (previous) return previous;
    const { instance } = claim;
    const isBack = entry.kind === "sticky" && entry.leaveId !== undefined;
    return {
      ...claim,
      instance: isBack ? `${instance} ${entry.leaveId}` : instance,
      participantIdentity: identityOf(claim, entry.outcome),
    };
  }

  /** Removes sticky events at their end. State events stay and are checked again. */
  #endDue(now: number): void {
    for (let entry = this.#events.popEnded(now); entry; entry = this.#events.popEnded(now)) {
      if (entry.kind === "sticky") this.#remove(entry, "expired");
      else this.#dirtySenders.add(entry.event.sender);
    }
  }

  /** Puts an entry at a free key, or in place of the entry `before`. */
  #put(entry: Entry, before: Entry | undefined): void {
    if (before) {
      this.#events.remove(before);
      this.#dirtySenders.add(before.event.sender);
      entry.outcome = before.outcome;
    }
    const ofSender = this.#events.add(entry);
    this.#dirtySenders.add(entry.event.sender);
    if (ofSender.length > maxPerSender) this.#dropExcess(ofSender, entry);
  }

  /** Drops the event of the lowest precedence if a sender has too many of the sort of the new one. */
  #dropExcess(ofSender: readonly Entry[], newest: Entry): void {
    const alike = ofSender.filter((entry) => isOfSameSort(entry, newest));
    if (alike.length <= maxPerSender) return;
    const lowest = alike.reduce((low, other) => (precedes(low, other) ? other : low));
    this.#remove(lowest, "replaced");
  }

  #remove(entry: Entry, reason: Departure["reason"]): void {
    this.#events.remove(entry);
    this.#dirtySenders.add(entry.event.sender);
    if (entry.outcome) this.#removed.push({ outcome: entry.outcome, reason });
  }

  /** Sorted on demand only: nothing but `rejected$` reads it. */
  #newestRejections(): readonly Rejection[] {
    const all = Array.from(this.#events, ({ outcome }) => outcome).flatMap((outcome) =>
      outcome?.kind === "rejected" ? [outcome.rejection] : [],
    );
    const newest = all.toSorted(byOriginTs).slice(-maxRejections);
    const known = this.#rejections;
    const isSame = newest.length === known.length && newest.every((each, index) => each === known[index]);
    return isSame ? known : newest;
  }
}

/** One step of the fold: the members that it removes and adds, and the events that it rejects. */
interface Step {
  readonly removed: Departure[];
  readonly added: Membership[];
  readonly rejected: Rejection[];
}

const memberOf = ({ member }: Departure): Membership => member;

const isOfSameSort = (a: Entry, b: Entry): boolean => a.kind === b.kind && a.mayClaim === b.mayClaim;

const byOriginTs = (a: Rejection, b: Rejection): number =>
  a.originServerTs - b.originServerTs || byText(a.eventId, b.eventId);

/** The same event with the same content. */
const isUnchanged = (a: RoomEvent, b: RoomEvent): boolean => a.eventId === b.eventId && a.content === b.content;

/** The same event, in another copy. Only a redaction changes what an event says. */
const saysTheSame = (a: Entry, b: Entry): boolean =>
  a.event.eventId === b.event.eventId && a.problem?.reason === b.problem?.reason;

/** The participant identity of a claim, taken from the member that it renews if there is one. */
function identityOf({ kind, userId, deviceId, memberId }: MembershipClaim, before: Outcome | undefined): string {
  if (before?.kind === "member") {
    const { member } = before;
    if (member.kind === kind && member.memberId === memberId && member.deviceId === deviceId)
      return member.participantIdentity;
  }
  return participantIdentity(kind, userId, deviceId, memberId);
}
