// The fold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// Incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members there
// are. It knows no RxJS, no clock and no network.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { stickyMemberTypes } from "../room/names.ts";
import type { Membership, Slot } from "../types.ts";
import { type Changes, changesBetween, type Departure } from "./changes.ts";
import { type Claim, left } from "./claim.ts";
import { EarlierMembers } from "./earlier-members.ts";
import { Entries } from "./entries.ts";
import { type Entry, stateEntry, stickyEntry, stickyPlace } from "./entry.ts";
import { participantIdentity } from "./identity.ts";
import { judge, type RoomFacts, type Rules } from "./judge.ts";
import { reordered } from "./order.ts";
import { isSameRejection, type Rejection, rejectionOf } from "./rejection.ts";
import { outranks, stickyEndTs } from "./stickiness.ts";

/** The sticky keys that one sender may hold, and as many events without key. Beyond it, the lowest in rank is dropped. */
const mostPerSender = 100;
const mostRejections = 1_000;

export class MemberFold {
  readonly #rules: Rules;
  #facts: RoomFacts;
  readonly #entries = new Entries();
  /** What is to be judged anew: devices, and places where nothing stands any more, with the reason. */
  readonly #touched = new Set<string>();
  readonly #vacated = new Map<string, Departure["reason"]>();

  /** The verdict on each place, as it was last told. */
  readonly #memberAt = new Map<string, Membership>();
  readonly #rejectionAt = new Map<string, Rejection>();
  #members: readonly Membership[] = [];
  #rejections: readonly Rejection[] | undefined = [];
  /** Until the first step: what an earlier fold of the same room gave. */
  #earlier: EarlierMembers | undefined;

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

  /** What was refused, the newest last, up to a bound. The list is the same object until something in it changes. */
  get rejections(): readonly Rejection[] {
    return (this.#rejections ??= [...this.#rejectionAt.values()].slice(-mostRejections));
  }

  /** When something will change by itself. */
  get deadlineTs(): number | undefined {
    return this.#entries.soonestTs;
  }

  /** The state keys at which events stand. */
  *stateKeys(): Iterable<string> {
    for (const { kind, event } of this.#entries) if (kind === "state") yield event.stateKey ?? "";
  }

  /** The state event that stands at a key now, or none. */
  putState(stateKey: string, event: RoomEvent | undefined, now: number): void {
    const place = `state ${stateKey}`;
    const before = this.#entries.at(place);
    if (before?.event === event) return;
    const entry = event && stateEntry(place, event, now);
    if (before && entry && isSameEvent(before, entry)) return;
    if (before) this.#remove(before, entry ? "replaced" : "left");
    if (entry) this.#add(entry);
  }

  /** A sticky event, in any order and any number of times. */
  putSticky(event: StickyEvent, now: number): void {
    const endTs = stickyEndTs(event);
    if (endTs <= now) return;
    const known = this.#entries.sticky(event.eventId);
    if (known && !(isUndecryptable(known.event) && !isUndecryptable(event))) return;
    if (known) this.#remove(known, "replaced");
    if (!isUndecryptable(event) && !stickyMemberTypes.includes(event.type)) return;
    const before = this.#entries.at(stickyPlace(event));
    if (before?.kind === "sticky" && !outranks(event, before.event)) return;
    if (before) this.#remove(before, "replaced");
    const entry = stickyEntry(event, endTs);
    this.#add(entry);
    this.#bound(event.sender, entry.isKeyed);
  }

  /** A sticky event was redacted. Its key stays taken, so that no earlier event comes back in its stead. */
  redact(eventId: string): void {
    const entry = this.#entries.sticky(eventId);
    if (!entry) return;
    this.#remove(entry, "left");
    if (entry.isKeyed) this.#add({ ...entry, parsed: left, device: entry.place, member: undefined });
  }

  /** What the room says of itself. */
  setRoom(slotStatus: Slot["status"], encrypted: boolean): void {
    if (slotStatus === this.#facts.slotStatus && encrypted === this.#facts.encrypted) return;
    this.#facts = { ...this.#facts, slotStatus, encrypted };
    for (const { kind, device } of this.#entries) if (kind === "sticky") this.#touched.add(device);
  }

  /** A user may have entered or left the room; without an id: any of them. */
  lookForUsers(userId?: string): void {
    const entries = userId === undefined ? this.#entries : this.#entries.ofSender(userId);
    for (const { device } of entries) this.#touched.add(device);
  }

  /** Judges what was touched and what has come due, and gives what changed. */
  settle(now: number): Changes {
    this.#endDue(now);
    const step: Step = { gone: [], come: [], rejected: [] };
    for (const [place, why] of this.#vacated) if (!this.#entries.at(place)) this.#tell(step, place, { why });
    for (const device of this.#touched) {
      for (const [entry, objection] of judge(this.#entries.ofDevice(device), this.#rules, this.#facts)) {
        const verdict = objection ? { rejection: rejectionOf(entry, objection) } : { member: this.#memberOf(entry) };
        this.#tell(step, entry.place, verdict);
      }
    }
    this.#vacated.clear();
    this.#touched.clear();
    const { gone, come, rejected } = step;
    if (gone.length + come.length > 0) this.#members = reordered(this.#members, gone.map(memberIn), come);
    this.#members = this.#earlier?.same(this.#members) ?? this.#members;
    this.#earlier = undefined;
    return { ...changesBetween(gone, come), rejected };
  }

  /** Notes the verdict on a place, if it is another than before. */
  #tell({ gone, come, rejected }: Step, place: string, { member, rejection, why }: Verdict): void {
    const memberBefore = this.#memberAt.get(place);
    if (member !== memberBefore) {
      if (memberBefore) gone.push({ member: memberBefore, reason: rejection?.reason ?? why ?? "replaced" });
      if (member) come.push(member);
      put(this.#memberAt, place, member);
    }
    const rejectionBefore = this.#rejectionAt.get(place);
    if (isSameRejection(rejection, rejectionBefore)) return;
    if (rejection) rejected.push(rejection);
    put(this.#rejectionAt, place, rejection);
    this.#rejections = undefined;
  }

  /** The member that an entry makes. One that is renewed keeps its identity, so that it is hashed once. */
  #memberOf(entry: Entry): Membership | undefined {
    if (entry.parsed.kind !== "claim") return undefined;
    const { claim } = entry.parsed;
    const before = this.#memberAt.get(entry.place);
    entry.member ??= this.#earlier?.of(claim) ?? { ...claim, participantIdentity: identityOf(claim, before) };
    return entry.member;
  }

  /** Sticky events disappear at their end; state events stay, and are expired. */
  #endDue(now: number): void {
    for (let entry = this.#entries.takeDue(now); entry; entry = this.#entries.takeDue(now)) {
      entry.isOver = true;
      if (entry.kind === "sticky") this.#remove(entry, "expired");
      else this.#touched.add(entry.device);
    }
  }

  /** Keeps the sticky events of one sender within bounds. */
  #bound(sender: string, isKeyed: boolean): void {
    const entries = [...this.#entries.ofSender(sender)].filter((entry) => entry.kind === "sticky");
    const alike = entries.filter((entry) => entry.isKeyed === isKeyed);
    if (alike.length <= mostPerSender) return;
    this.#remove(
      alike.reduce((lowest, other) => (outranks(lowest.event, other.event) ? other : lowest)),
      "replaced",
    );
  }

  #add(entry: Entry): void {
    this.#entries.add(entry);
    this.#touched.add(entry.device);
  }

  #remove(entry: Entry, why: Departure["reason"]): void {
    this.#entries.remove(entry);
    this.#touched.add(entry.device);
    this.#vacated.set(entry.place, why);
  }
}

/** A step of the fold while it is being taken. */
interface Step {
  readonly gone: Departure[];
  readonly come: Membership[];
  readonly rejected: Rejection[];
}

/** What is to be said of a place: that a member stands there, or that its event is refused, or `why` nothing does. */
interface Verdict {
  readonly member?: Membership | undefined;
  readonly rejection?: Rejection;
  readonly why?: Departure["reason"];
}

const memberIn = ({ member }: Departure): Membership => member;

const isUndecryptable = ({ encryption }: StickyEvent): boolean => encryption === "undecryptable";

/** The same event, read anew by the client. Only a redaction changes what it says. */
const isSameEvent = (a: Entry, b: Entry): boolean =>
  a.event.eventId === b.event.eventId && a.parsed.kind === b.parsed.kind;

function identityOf({ kind, userId, deviceId, memberId }: Claim, before: Membership | undefined): string {
  const isSame = before?.kind === kind && before.memberId === memberId && before.deviceId === deviceId;
  return isSame ? before.participantIdentity : participantIdentity(kind, userId, deviceId, memberId);
}

/** Puts a value last, or takes away what is there. */
function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  map.delete(key);
  if (value !== undefined) map.set(key, value);
}
