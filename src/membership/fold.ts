// The fold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// Incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members there
// are. It knows no RxJS, no clock and no network.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { stickyMemberTypes } from "../room/names.ts";
import type { Membership, Slot } from "../types.ts";
import { type Changes, changesBetween, type Departure } from "./changes.ts";
import type { Claim } from "./claim.ts";
import { EarlierMembers } from "./previous-members.ts";
import { Entries } from "./event-store.ts";
import { type Entry, isRejection, stateEntry, stickyEntry, stickyPlace, type Verdict } from "./entry.ts";
import { participantIdentity } from "./identity.ts";
import { judge, type Judgement, precedes, type RoomFacts, type Rules } from "./eligibility.ts";
import { reordered } from "./order.ts";
import { Refusals } from "./rejection-list.ts";
import { isSameRejection, type Rejection, rejectionOf } from "./rejection.ts";
import { outranks, saysMore, stickyEndTs } from "./sticky-map.ts";

/**
 * How many events of each sort one sender may have standing: sticky ones with a key and without, state events that claim a
 * membership and that do not. Beyond it, the lowest in rank is dropped.
 */
const mostPerSender = 100;

export class MemberFold {
  readonly #rules: Rules;
  #facts: RoomFacts;
  readonly #entries = new Entries();
  /** Whose events are to be judged anew. */
  readonly #touched = new Set<string>();
  /** What was told of places where nothing stands any more, and why. */
  #vacated: { readonly told: Verdict; readonly why: Departure["reason"] }[] = [];
  /** Until the first step: what an earlier fold of the same room gave. */
  #earlier: EarlierMembers | undefined;

  #members: readonly Membership[] = [];
  readonly #refusals = new Refusals(() => this.#refused());

  /** @param earlier Members that an earlier fold of the room gave: they keep their identity where they are the same. */
  constructor(rules: Rules, isInRoom: RoomFacts["isInRoom"], earlier: readonly Membership[] = []) {
    this.#rules = rules;
    this.#facts = { slotStatus: "absent", encrypted: false, isInRoom };
    this.#earlier = new EarlierMembers(earlier);
  }

  /** Who is in the call, oldest first. The list is the same object until somebody in it changes. */
  get members(): readonly Membership[] {
    return this.#members;
  }

  /** What is refused, the newest last, up to a bound. The list is the same object until something in it changes. */
  get rejections(): readonly Rejection[] {
    return this.#refusals.shown;
  }

  /** When something will change by itself. */
  get deadlineTs(): number | undefined {
    return this.#entries.soonestTs;
  }

  /** The state keys at which events stand. */
  stateKeys(): Iterable<string> {
    return this.#entries.stateKeys();
  }

  /** The state event that stands at a key now, or none. */
  putState(stateKey: string, event: RoomEvent | undefined, now: number): void {
    const before = this.#entries.stateAt(stateKey);
    if (before && event && isReread(before.event, event)) return;
    if (!event) {
      if (before) this.#remove(before, "left");
      return;
    }
    const entry = stateEntry(stateKey, event, now);
    if (!before || !isSameEvent(before, entry)) this.#put(entry, before);
  }

  /** A sticky event, in any order and any number of times. */
  putSticky(event: StickyEvent, now: number): void {
    const endTs = stickyEndTs(event);
    if (endTs <= now) return;
    const known = this.#entries.stickyOf(event.eventId);
    if (known && (known.parsed.kind === "claim" || !saysMore(event, known.event))) return;
    if (known) this.#remove(known, "replaced");
    if (!isUndecryptable(event) && !stickyMemberTypes.includes(event.type)) return;
    const place = stickyPlace(event);
    const before = this.#entries.stickyAt(place);
    if (before && !outranks(event, before.event)) return;
    const entry = stickyEntry(place, event, endTs, before ?? known);
    this.#put(entry, before);
  }

  /** A sticky event was redacted. Whether it stood: what it had outranked is to be put once more, since it stands again. */
  redact(eventId: string): boolean {
    const entry = this.#entries.stickyOf(eventId);
    if (entry) this.#remove(entry, "left");
    return entry !== undefined;
  }

  /** What the room says of itself. */
  setRoom(slotStatus: Slot["status"], encrypted: boolean): void {
    if (slotStatus === this.#facts.slotStatus && encrypted === this.#facts.encrypted) return;
    this.#facts = { ...this.#facts, slotStatus, encrypted };
    for (const { kind, event } of this.#entries) if (kind === "sticky") this.#touched.add(event.sender);
  }

  /** A user may have entered or left the room; without an id: any of them. */
  lookForUsers(userId?: string): void {
    if (userId !== undefined) this.#touched.add(userId);
    else for (const { event } of this.#entries) this.#touched.add(event.sender);
  }

  /** Judges what was touched and what has come due, and gives what changed. */
  settle(now: number): Changes {
    this.#endDue(now);
    const step: Step = { gone: [], come: [], rejected: [] };
    for (const { told, why } of this.#vacated) this.#withdraw(step, told, why);
    for (const userId of this.#touched) {
      for (const judgement of judge(this.#entries.ofSender(userId), this.#rules, this.#facts)) {
        this.#tell(step, judgement.entry, this.#verdictOf(judgement));
      }
    }
    this.#vacated = [];
    this.#touched.clear();
    const { gone, come, rejected } = step;
    if (gone.length + come.length > 0) this.#members = reordered(this.#members, gone.map(memberIn), come);
    this.#members = this.#earlier?.same(this.#members) ?? this.#members;
    this.#earlier = undefined;
    return { ...changesBetween(gone, come), rejected };
  }

  /** Notes the verdict on an entry, if it is another than before. */
  #tell(step: Step, entry: Entry, verdict: Verdict): void {
    const before = entry.told;
    if (verdict === before) return;
    if (before) this.#withdraw(step, before, isRejection(verdict) ? verdict.reason : "replaced");
    entry.told = verdict;
    if (!isRejection(verdict)) {
      step.come.push(verdict);
      return;
    }
    step.rejected.push(verdict);
    this.#refusals.add(verdict);
  }

  #withdraw({ gone }: Step, told: Verdict, reason: Departure["reason"]): void {
    if (isRejection(told)) this.#refusals.delete(told);
    else gone.push({ member: told, reason });
  }

  *#refused(): Iterable<Rejection> {
    for (const { told } of this.#entries) if (told && isRejection(told)) yield told;
  }

  /** The verdict on an entry: the very one that was told before if it says the same. */
  #verdictOf(judgement: Judgement): Verdict {
    const { entry, objection } = judgement;
    if (!objection) return (entry.member ??= this.#memberOf(judgement.claim, entry));
    const rejection = rejectionOf(entry, objection);
    return entry.told && isRejection(entry.told) && isSameRejection(entry.told, rejection) ? entry.told : rejection;
  }

  /** The member of a claim. One that is renewed keeps its participant identity, so that it is hashed once. */
  #memberOf(claim: Claim, entry: Entry): Membership {
    const earlier = this.#earlier?.of(claim);
    if (earlier) return earlier;
    const { instance } = claim;
    const isBack = entry.kind === "sticky" && entry.leaveId !== undefined;
    return {
      ...claim,
      instance: isBack ? `${instance} ${entry.leaveId}` : instance,
      participantIdentity: identityOf(claim, entry.told),
    };
  }

  /** Sticky events disappear at their end; state events stay, and are expired. */
  #endDue(now: number): void {
    for (let entry = this.#entries.takeDue(now); entry; entry = this.#entries.takeDue(now)) {
      if (entry.kind === "sticky") this.#remove(entry, "expired");
      else this.#touched.add(entry.event.sender);
    }
  }

  /** Keeps what one sender has standing within bounds. */
  #bound(ofSender: readonly Entry[], newcomer: Entry): void {
    const alike = ofSender.filter((entry) => isOfSort(entry, newcomer));
    if (alike.length <= mostPerSender) return;
    this.#remove(
      alike.reduce((low, other) => (precedes(low, other) ? other : low)),
      "replaced",
    );
  }

  /** Puts an entry where none stands, or another did `before`. */
  #put(entry: Entry, before: Entry | undefined): void {
    if (before) {
      this.#entries.remove(before);
      this.#touched.add(before.event.sender);
      entry.told = before.told;
    }
    const ofSender = this.#entries.add(entry);
    this.#touched.add(entry.event.sender);
    if (ofSender.length > mostPerSender) this.#bound(ofSender, entry);
  }

  #remove(entry: Entry, why: Departure["reason"]): void {
    this.#entries.remove(entry);
    this.#touched.add(entry.event.sender);
    if (entry.told) this.#vacated.push({ told: entry.told, why });
  }
}

/** A step of the fold while it is being taken. */
interface Step {
  readonly gone: Departure[];
  readonly come: Membership[];
  readonly rejected: Rejection[];
}

const memberIn = ({ member }: Departure): Membership => member;

/** What is no claim takes no place away from what is one. */
const isOfSort = (a: Entry, b: Entry): boolean => a.kind === b.kind && mayClaim(a) === mayClaim(b);

const mayClaim = (entry: Entry): boolean => (entry.kind === "sticky" ? entry.isKeyed : entry.parsed.kind === "claim");

const isUndecryptable = ({ encryption }: StickyEvent): boolean => encryption === "undecryptable";

/** The same event, as it was. */
const isReread = (a: RoomEvent, b: RoomEvent): boolean => a.eventId === b.eventId && a.content === b.content;

/** The same event, fetched anew by the client. Only a redaction changes what it says. */
const isSameEvent = (a: Entry, b: Entry): boolean =>
  a.event.eventId === b.event.eventId && a.parsed.kind === b.parsed.kind;

function identityOf({ kind, userId, deviceId, memberId }: Claim, before: Verdict | undefined): string {
  const isSame =
    before &&
    !isRejection(before) &&
    before.kind === kind &&
    before.memberId === memberId &&
    before.deviceId === deviceId;
  return isSame ? before.participantIdentity : participantIdentity(kind, userId, deviceId, memberId);
}
