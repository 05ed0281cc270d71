// MemberFold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// It is incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members
// there are. It knows no RxJS, no clock and no network.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { stickyMemberTypes } from "../room/names.ts";
import type { Application, Membership, Slot } from "../types.ts";
import { type Changes, changesBetween, type Departure } from "./changes.ts";
import type { MembershipClaim } from "./claim.ts";
import { checkEligibility, isSameRejection, precedes, type RoomConditions, type Rules } from "./eligibility.ts";
import {
  type Entry,
  EventStore,
  isMadeOf,
  isRejection,
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

  /** Puts the event that is at a state key now. Undefined: the key is empty. */
  putState(stateKey: string, event: RoomEvent | undefined, now: number): void {
    const before = this.#events.stateAt(stateKey);
    if (event && before && isMadeOf(before, event)) return;
    if (event) this.#put(stateEntry(stateKey, event, this.#decodeApplication, now), before);
    else if (before) this.#remove(before, "left");
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
    this.#put(stickyEntry(event, endTs, key, this.#decodeApplication, before ?? known), before);
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
    const report = (entry: Entry, rejection: Rejection | undefined) =>
      this.#setOutcome(step, entry, rejection ? keptRejection(entry.outcome, rejection) : this.#memberOf(entry));
    for (const userId of this.#dirtySenders)
      checkEligibility(this.#events.bySender(userId), this.#rules, this.#room, report);
    this.#removed = [];
    this.#dirtySenders.clear();
    const { removed, added, rejected } = step;
    if (removed.length + added.length > 0)
      this.#members = reordered(
        this.#members,
        removed.map(({ member }) => member),
        added,
      );
    this.#members = this.#previous?.same(this.#members) ?? this.#members;
    this.#previous = undefined;
    return { ...changesBetween(removed, added), rejected };
  }

  /** The data of the application. A claim that was decoded in an earlier fold is not decoded again. */
  readonly #decodeApplication = (claim: MembershipClaim): Application | undefined => {
    const { slot, decodeApplication } = this.#rules;
    if (!decodeApplication || claim.slot !== slot) return claim.application;
    const previous = this.#previous?.of(claim);
    if (previous) return previous.application;
    try {
      return decodeApplication(claim.application);
    } catch {
      return undefined;
    }
  };

  #setOutcome(step: Step, entry: Entry, outcome: Outcome): void {
    const before = entry.outcome;
    if (outcome === before) return;
    if (before) this.#withdraw(step, before, isRejection(outcome) ? outcome.reason : "replaced");
    entry.outcome = outcome;
    if (!isRejection(outcome)) {
      step.added.push(outcome);
      return;
    }
    step.rejected.push(outcome);
    this.#areRejectionsCurrent = false;
  }

  #withdraw({ removed }: Step, outcome: Outcome, reason: Departure["reason"]): void {
    if (isRejection(outcome)) this.#areRejectionsCurrent = false;
    else removed.push({ member: outcome, reason });
  }

  /** The member of an eligible entry: always the same object. */
  #memberOf(entry: Entry): Membership {
    return (entry.member ??= this.#previous?.of(entry.claim!) ?? memberOf(entry));
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
    const all = Array.from(this.#events, ({ outcome }) => outcome).filter(isRejection);
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

const isOfSameSort = (a: Entry, b: Entry): boolean => a.kind === b.kind && a.mayClaim === b.mayClaim;

const byOriginTs = (a: Rejection, b: Rejection): number =>
  a.originServerTs - b.originServerTs || byText(a.eventId, b.eventId);

/** The rejection, or the previous one if that says the same. */
const keptRejection = (before: Outcome | undefined, rejection: Rejection): Rejection =>
  isRejection(before) && isSameRejection(before, rejection) ? before : rejection;

function memberOf(entry: Entry): Membership {
  if (entry.kind === "state") return entry.claim!;
  const { leaveId, outcome } = entry;
  const claim = entry.claim!;
  const { instance } = claim;
  return {
    ...claim,
    instance: leaveId === undefined ? instance : `${instance} ${leaveId}`,
    participantIdentity: stickyIdentity(claim, outcome),
  };
}

/** The participant identity of a sticky member. A renewed member keeps it, so that it is hashed once. */
function stickyIdentity({ userId, deviceId, memberId }: MembershipClaim, before: Outcome | undefined): string {
  const isRenewed = before && !isRejection(before) && before.memberId === memberId && before.deviceId === deviceId;
  return isRenewed ? before.participantIdentity : participantIdentity("sticky", userId, deviceId, memberId);
}
