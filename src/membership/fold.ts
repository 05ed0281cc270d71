// MemberFold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// It is incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members
// there are. It knows no RxJS, no clock and no network.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { generationOf, isSameCall, stickyMemberTypes } from "../room/names.ts";
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
  type StateEntry,
  stateEntry,
  stickyEntry,
} from "./event-store.ts";
import type { FirstReads } from "./first-reads.ts";
import { participantIdentity } from "./identity.ts";
import { byText, reordered } from "./order.ts";
import { PreviousMembers } from "./previous-members.ts";
import type { Rejection } from "./rejection.ts";
import { maxPerSender, withinLimits } from "./sender-limits.ts";
import type { FirstRead } from "./state-event.ts";
import { isMoreComplete, outranks, stickyEndTs } from "./sticky-map.ts";

export interface LastToExpire {
  readonly member: Membership;
  readonly stateKey: string | undefined;
}

/** How many rejections are listed. */
const maxRejections = 1_000;

export class MemberFold {
  readonly #rules: Rules;
  readonly #firstReads: FirstReads;
  #room: RoomConditions;
  readonly #events = new EventStore();
  /** The senders whose events have to be checked again. */
  readonly #dirtySenders = new Set<string>();
  #gaps = new Set<Entry["kind"]>();
  /** The sorts of events, by sender, that have exceeded the limits: some of them were left out. */
  readonly #exceeded = new Set<string>();
  /** The outcomes of entries that were removed since the last step, with the reason. */
  #removed: { readonly outcome: Outcome; readonly reason: Departure["reason"] }[] = [];
  /** The members that an earlier fold of the same room had, until the first step. */
  #previous: PreviousMembers | undefined;

  #members: readonly Membership[] = [];
  #rejections: readonly Rejection[] = [];
  #areRejectionsCurrent = true;

  /**
   * @param firstReads The first reads of the client, shared by all its folds.
   * @param previous The members of an earlier fold of the room. They keep their identity where they are the same.
   */
  constructor(
    rules: Rules,
    presenceOf: RoomConditions["presenceOf"],
    firstReads: FirstReads,
    previous: readonly Membership[] = [],
  ) {
    this.#rules = rules;
    this.#firstReads = firstReads;
    this.#room = { slotStatus: "absent", encrypted: false, presenceOf };
    this.#previous = new PreviousMembers(previous);
  }

  /** The members of the call, oldest first. It is the same list object until a member changes. */
  get members(): readonly Membership[] {
    return this.#members;
  }

  /** The member that expires last, and its state key if it is a state member. */
  get lastToExpire(): LastToExpire | undefined {
    let last: LastToExpire | undefined;
    for (const { kind, key, outcome: member } of this.#events) {
      if (!member || isRejection(member) || (last && last.member.expiresTs >= member.expiresTs)) continue;
      last = { member, stateKey: kind === "state" ? key : undefined };
    }
    return last;
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

  /** Puts all state events of the room. */
  putAllState(events: readonly RoomEvent[], now: number, lastReadTs?: number): void {
    const { kept, exceeded } = withinLimits(events);
    const missing = new Set(this.#events.stateKeys());
    for (const event of kept) {
      const { stateKey = "" } = event;
      this.putState(stateKey, event, now, lastReadTs);
      missing.delete(stateKey);
    }
    for (const stateKey of missing) this.putState(stateKey, undefined, now);
    for (const { sender, mayClaim } of exceeded) this.#exceeded.add(sortOf("state", mayClaim, sender));
  }

  /**
   * Puts the event that is at a state key now. Undefined: the key is empty.
   *
   * @param lastReadTs When the keys of the room were last read before. Undefined: never.
   */
  putState(stateKey: string, event: RoomEvent | undefined, now: number, lastReadTs?: number): void {
    const before = this.#events.stateAt(stateKey);
    if (event && before && isMadeOf(before, event)) return;
    if (event) {
      const first = this.#firstReads.of(event, firstRead(event, before, now, lastReadTs));
      this.#put(stateEntry(stateKey, event, first, this.#decodeApplication), before);
    } else if (before) this.#remove(before, "left");
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
    if (before && !outranks(event, before.event)) before.replacedUntilTs = Math.max(before.replacedUntilTs, endTs);
    else this.#put(stickyEntry(event, endTs, key, this.#decodeApplication, before ?? known), before);
  }

  /** Removes a redacted sticky event. */
  redact(eventId: string): void {
    const entry = this.#events.stickyById(eventId);
    if (!entry) return;
    this.#remove(entry, "left");
    this.#gaps.add("sticky");
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

  /** Ends the events whose end has passed: sticky events are removed, state events stay and are checked again. */
  expire(now: number): void {
    for (let entry = this.#events.popEnded(now); entry; entry = this.#events.popEnded(now)) {
      if (entry.kind === "state") this.#dirtySenders.add(entry.event.sender);
      else {
        this.#remove(entry, "expired");
        if (entry.replacedUntilTs > now) this.#gaps.add("sticky");
      }
    }
  }

  /**
   * The kinds of events that have gaps: events were removed, and the client may hold others that they replaced, or that
   * exceeded the limits. Put all events of these kinds again before the next step.
   */
  takeGaps(): ReadonlySet<Entry["kind"]> {
    const gaps = this.#gaps;
    if (gaps.size > 0) this.#gaps = new Set();
    return gaps;
  }

  /** Takes the next step: applies the events that were put, and those that ended. Returns what changed. */
  recompute(): Changes {
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
    if (!decodeApplication || !isSameCall(claim.slot, slot)) return claim.application;
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

  /** Puts an entry at a free key, or in place of the entry `before`. */
  #put(entry: Entry, before: Entry | undefined): void {
    if (before) {
      this.#events.remove(before);
      this.#dirtySenders.add(before.event.sender);
      if (before.mayClaim !== entry.mayClaim || before.event.sender !== entry.event.sender) this.#noteGap(before);
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
    this.#exceeded.add(sortOf(lowest.kind, lowest.mayClaim, lowest.event.sender));
  }

  /** An entry is gone: if others of its sort were left out, there is room for one of them. */
  #noteGap({ kind, mayClaim, event: { sender } }: Entry): void {
    if (this.#exceeded.size > 0 && this.#exceeded.delete(sortOf(kind, mayClaim, sender))) this.#gaps.add(kind);
  }

  #remove(entry: Entry, reason: Departure["reason"]): void {
    this.#events.remove(entry);
    this.#dirtySenders.add(entry.event.sender);
    this.#noteGap(entry);
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

/** A sort of events of one sender. */
const sortOf = (kind: Entry["kind"], mayClaim: boolean, sender: string): string =>
  `${kind} ${mayClaim ? "claims" : "others"} ${sender}`;

const isOfSameSort = (a: Entry, b: Entry): boolean => a.kind === b.kind && a.mayClaim === b.mayClaim;

const byOriginTs = (a: Rejection, b: Rejection): number =>
  a.originServerTs - b.originServerTs || byText(a.eventId, b.eventId);

/** The read of a state event, given the entry that was at its key before, or when the key was last seen empty. */
function firstRead(event: RoomEvent, before: StateEntry | undefined, readTs: number, emptyTs?: number): FirstRead {
  if (!before) return emptyTs === undefined ? { readTs } : { readTs, emptyTs };
  const isRefresh = before.claim && before.event.sender === event.sender;
  return { readTs, beforeTs: isRefresh ? before.claim.createdTs : before.event.originServerTs };
}

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
    participantIdentity: stickyIdentity(claim, entry.event.type, outcome),
  };
}

/** The participant identity of a sticky member. A renewed member keeps it, so that it is hashed once. */
function stickyIdentity(claim: MembershipClaim, type: string, before: Outcome | undefined): string {
  const { userId, deviceId, memberId, transports } = claim;
  const transport = transports[0]?.type;
  const isRenewed =
    before &&
    !isRejection(before) &&
    before.memberId === memberId &&
    before.deviceId === deviceId &&
    before.transports[0]?.type === transport;
  if (isRenewed) return before.participantIdentity;
  return participantIdentity("sticky", userId, deviceId, memberId, generationOf(type, transport));
}
