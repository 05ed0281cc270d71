// MemberFold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// It is incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members
// there are. It knows no RxJS, no clock and no network.
import { generationOf, isSameCall, stateMemberType } from "../room/names.ts";
import { sameItems } from "../rx/stable.ts";
import type { Application, Membership, Slot } from "../types.ts";
import { type Changes, changesBetween, type Departure } from "./changes.ts";
import type { MembershipClaim } from "./claim.ts";
import { CurrentEvents } from "./current-events.ts";
import { checkEligibility, isSameRejection, type ReadingRules, type RoomConditions } from "./eligibility.ts";
import { type Entry, isRejection, type Outcome, type ParseState } from "./entry.ts";
import type { FirstReads } from "./first-reads.ts";
import { participantIdentity } from "./identity.ts";
import { byText, reordered } from "./order.ts";
import { PreviousMembers } from "./previous-members.ts";
import type { Rejection } from "./rejection.ts";
import { parseStateMember } from "./state-event.ts";

/** How many rejections are listed. */
const maxRejections = 1_000;

export class MemberFold {
  readonly #rules: ReadingRules;
  #room: RoomConditions;
  /** The current events: put them here, then take a step. */
  readonly events: CurrentEvents;
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
    rules: ReadingRules,
    presenceOf: RoomConditions["presenceOf"],
    firstReads: FirstReads,
    previous?: readonly Membership[],
  ) {
    this.#rules = rules;
    this.events = new CurrentEvents(firstReads, parserFor(rules), (claim) => this.#decodeApplication(claim));
    this.#room = { slotStatus: "absent", encrypted: false, presenceOf };
    this.#previous = previous && new PreviousMembers(previous);
  }

  /** The members of the call, oldest first. It is the same list object until a member changes. */
  get members(): readonly Membership[] {
    return this.#members;
  }

  /** The entry of the member that expires last. */
  get lastToEnd(): Entry | undefined {
    let last: Entry | undefined;
    for (const entry of this.events)
      if (entry.outcome && !isRejection(entry.outcome) && !(last && last.endTs >= entry.endTs)) last = entry;
    return last;
  }

  /** When a sticky event ends that has replaced one with a later end, which counts again then. `Infinity` for never. */
  get returnTs(): number {
    let soonestTs = Infinity;
    for (const entry of this.events)
      if (entry.kind === "sticky" && entry.replacedUntilTs > entry.endTs) soonestTs = Math.min(soonestTs, entry.endTs);
    return soonestTs;
  }

  /** The newest rejections, oldest first. It is the same list object until one of them changes. */
  get rejections(): readonly Rejection[] {
    if (!this.#areRejectionsCurrent) this.#rejections = this.#newestRejections();
    this.#areRejectionsCurrent = true;
    return this.#rejections;
  }

  /** When something will change without another event. */
  get deadlineTs(): number | undefined {
    return this.events.soonestTs;
  }

  /** Takes over what the room says about itself. */
  setRoom(slotStatus: Slot["status"], encrypted: boolean): void {
    if (slotStatus === this.#room.slotStatus && encrypted === this.#room.encrypted) return;
    this.#room = { ...this.#room, slotStatus, encrypted };
    for (const { kind, event } of this.events) if (kind === "sticky") this.events.recheck(event.sender);
  }

  /** Takes the next step: applies the events that were put, and those that ended. Returns what changed. */
  recompute(): Changes {
    const step: FoldStep = { removed: [], added: [], rejected: [] };
    const changes = this.events.takeChanges();
    for (const { outcome, reason } of changes.removed) this.#withdraw(step, outcome, reason);
    const report = (entry: Entry, rejection: Rejection | undefined) =>
      this.#setOutcome(step, entry, rejection ? keptRejection(entry.outcome, rejection) : this.#memberOf(entry));
    for (const entries of changes.bySender) checkEligibility(entries, this.#rules, this.#room, report);
    const { removed, added, rejected } = step;
    const members = reordered(
      this.#members,
      removed.map(({ member }) => member),
      added,
    );
    this.#members = this.#previous?.same(members) ?? members;
    this.#previous = undefined;
    return { ...changesBetween(removed, added), rejected };
  }

  /** The data of the application. A claim that was decoded in an earlier fold is not decoded again. */
  #decodeApplication(claim: MembershipClaim): Application | undefined {
    const { slot, decodeApplication } = this.#rules;
    if (!decodeApplication || !isSameCall(claim.slot, slot)) return claim.application;
    const previous = this.#previous?.memberOf(claim);
    if (previous) return previous.application;
    try {
      return decodeApplication(claim.application);
    } catch {
      return undefined;
    }
  }

  #setOutcome(step: FoldStep, entry: Entry, outcome: Outcome): void {
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

  #withdraw({ removed }: FoldStep, outcome: Outcome, reason: Departure["reason"]): void {
    if (isRejection(outcome)) this.#areRejectionsCurrent = false;
    else removed.push({ member: outcome, reason });
  }

  /** The member of an eligible entry: always the same object. */
  #memberOf(entry: Entry): Membership {
    return (entry.member ??= this.#previous?.memberOf(entry.claim!) ?? memberOf(entry));
  }

  /** Sorted on demand only: nothing but `rejected$` reads it. */
  #newestRejections(): readonly Rejection[] {
    const all = Array.from(this.events, ({ outcome }) => outcome).filter(isRejection);
    const newest = all.toSorted(byOriginTs).slice(-maxRejections);
    return sameItems(newest, this.#rejections) ? this.#rejections : newest;
  }
}

/** One step of the fold: the members that it removes and adds, and the events that it rejects. */
interface FoldStep {
  readonly removed: Departure[];
  readonly added: Membership[];
  readonly rejected: Rejection[];
}

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

/** The parser of state events: of those in use, and of the first draft if the session reads it. */
function parserFor({ firstDraft }: ReadingRules): ParseState {
  return (event, first) =>
    firstDraft && event.type !== stateMemberType ? firstDraft(event) : parseStateMember(event, first);
}
