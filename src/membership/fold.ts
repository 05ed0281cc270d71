// The fold: events of a room and the time go in, the list of members comes out. protocol.md 3, 11.
// Incremental: an event is parsed once and costs O(log N) and at most one copy of the list, however many members there
// are. It knows no RxJS, no clock and no network. Longer than most files: its rules make sense only together.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { stickyMemberTypes } from "../room/names.ts";
import type { Membership, Slot } from "../types.ts";
import type { Claim, Parsed } from "./claim.ts";
import { Deadlines } from "./deadlines.ts";
import { participantIdentity } from "./identity.ts";
import { reordered } from "./order.ts";
import type { Rejection, RejectionReason } from "./rejection.ts";
import { parseStateMember } from "./state-content.ts";
import { parseStickyMember, stickyKeyOf } from "./sticky-content.ts";
import { outranks, stickyEndTs } from "./stickiness.ts";

/** What a session holds its members against. */
export interface Rules {
  readonly slot: string;
  /** Sticky members need an open slot. By default a slot that is absent counts as open. */
  readonly strictSlots: boolean;
}

/** What one step of the fold changed. A member that was merely renewed is in neither list. */
export interface Changes {
  readonly joined: readonly Membership[];
  readonly left: readonly Departure[];
  readonly rejected: readonly Rejection[];
}

/** A member that is gone, and what became of its event: `replaced` by that of another member, or refused for a reason. */
export interface Departure {
  readonly member: Membership;
  readonly reason: RejectionReason | "replaced";
}

/** The event that stands at one place of the room: at a state key, or at a sticky key of a sender. */
interface Entry {
  readonly place: string;
  readonly kind: "state" | "sticky";
  readonly event: RoomEvent;
  readonly parsed: Parsed | { readonly kind: "undecryptable" };
  /** When it ends by itself; Infinity once it has. */
  deadlineTs: number;
}

type Verdict = Membership | Rejection;

/** The sticky keys that one sender may hold: beyond it, the one that would end first is dropped. */
const mostStickyPerSender = 100;
const mostRejections = 1_000;

export class MemberFold {
  readonly #rules: Rules;
  readonly #isInRoom: (userId: string) => boolean;
  #slotStatus: Slot["status"] = "absent";
  #encrypted = false;

  readonly #entries = new Map<string, Entry>();
  readonly #bySender = new Map<string, Set<Entry>>();
  readonly #byDevice = new Map<string, Set<Entry>>();
  readonly #deadlines = new Deadlines<Entry>();
  readonly #touched = new Set<string>();

  /** The verdict on each place as it was last told. */
  readonly #told = new Map<string, Verdict>();
  #members: readonly Membership[] = [];
  #rejections: readonly Rejection[] | undefined = [];

  constructor(rules: Rules, isInRoom: (userId: string) => boolean) {
    this.#rules = rules;
    this.#isInRoom = isInRoom;
  }

  /** Who is in the call, oldest first. The list is the same object until somebody in it changes. */
  get members(): readonly Membership[] {
    return this.#members;
  }

  get rejections(): readonly Rejection[] {
    return (this.#rejections ??= [...this.#told.values()].filter(isRejection).slice(-mostRejections));
  }

  /** When the list would change by itself. */
  get deadlineTs(): number | undefined {
    return this.#deadlines.soonestTs;
  }

  /** The state event that stands at a key now, or none. */
  putState(stateKey: string, event: RoomEvent | undefined, now: number): void {
    const place = `state ${stateKey}`;
    const before = this.#entries.get(place);
    if (before?.event === event) return;
    if (before) this.#remove(before);
    if (!event) return;
    const parsed = parseStateMember(event, now);
    const deadlineTs = parsed.kind === "claim" ? parsed.claim.expiresTs : Infinity;
    this.#add({ place, kind: "state", event, parsed, deadlineTs });
  }

  /** A sticky event, in any order and any number of times. */
  putSticky(event: StickyEvent, now: number): void {
    const endTs = stickyEndTs(event);
    if (endTs <= now) return;
    const unreadable = `unreadable ${event.eventId}`;
    if (event.encryption === "undecryptable") {
      if (!this.#entries.has(unreadable)) this.#addSticky(unreadable, event, { kind: "undecryptable" }, endTs);
      return;
    }
    const unreadableBefore = this.#entries.get(unreadable);
    if (unreadableBefore) this.#remove(unreadableBefore);
    if (!stickyMemberTypes.includes(event.type)) return;
    const key = stickyKeyOf(event.content);
    const place = key === undefined ? `keyless ${event.eventId}` : `sticky ${event.type} ${event.sender} ${key}`;
    const before = this.#entries.get(place);
    if (before && !outranks(event, before.event as StickyEvent)) return;
    if (before) this.#remove(before);
    this.#addSticky(place, event, parseStickyMember(event, endTs), endTs);
  }

  /** A sticky event was redacted. Its key stays taken, so that no earlier event comes back in its stead. */
  redact(eventId: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.kind !== "sticky" || entry.event.eventId !== eventId) continue;
      this.#remove(entry);
      this.#add({ ...entry, parsed: { kind: "left" } });
      return;
    }
  }

  /** What the room says of itself. */
  setRoom(slotStatus: Slot["status"], encrypted: boolean): void {
    if (slotStatus === this.#slotStatus && encrypted === this.#encrypted) return;
    this.#slotStatus = slotStatus;
    this.#encrypted = encrypted;
    for (const entry of this.#entries.values()) if (entry.kind === "sticky") this.#touch(entry);
  }

  /** A user may have entered or left the room; without an id: any of them. */
  lookForUsers(userId?: string): void {
    const entries = userId === undefined ? this.#entries.values() : this.#bySender.get(userId);
    for (const entry of entries ?? []) this.#touch(entry);
  }

  /** The state keys at which events stand. */
  *stateKeys(): Iterable<string> {
    for (const { kind, event } of this.#entries.values()) if (kind === "state") yield event.stateKey ?? "";
  }

  /** Judges what was touched and what has come due, and gives what changed. */
  settle(now: number): Changes {
    this.#endDue(now);
    const gone: Membership[] = [];
    const come: Membership[] = [];
    const departures = new Map<Membership, Departure["reason"]>();
    const rejected: Rejection[] = [];
    for (const place of this.#touched) {
      const before = this.#told.get(place);
      const after = this.#verdictOn(place, before, now);
      if (after === before) continue;
      this.#rejections = undefined;
      if (after) this.#told.set(place, after);
      else this.#told.delete(place);
      if (before && isMember(before)) {
        gone.push(before);
        departures.set(before, after && isRejection(after) ? after.reason : "replaced");
      }
      if (after && isMember(after)) come.push(after);
      else if (after) rejected.push(after);
    }
    this.#touched.clear();
    if (gone.length + come.length > 0) this.#members = reordered(this.#members, gone, come);
    return { ...changesBetween(gone, come, departures), rejected };
  }

  /** The verdict on what stands at a place: the one that was told before if nothing about it changed. */
  #verdictOn(place: string, before: Verdict | undefined, now: number): Verdict | undefined {
    const entry = this.#entries.get(place);
    if (!entry) return undefined;
    const { event, kind, parsed } = entry;
    const reason = this.#objectionTo(entry, now) ?? (this.#isSuperseded(entry, now) ? "superseded" : undefined);
    if (reason === undefined && parsed.kind === "claim") {
      if (before && isMember(before) && before.eventId === event.eventId) return before;
      return memberOf(kind, event, parsed.claim, before);
    }
    const rejection: Rejection = {
      reason: reason ?? "malformed",
      kind,
      userId: event.sender,
      eventId: event.eventId,
      ...(parsed.kind === "malformed" && { path: parsed.path }),
      ...(parsed.kind === "claim" && { deviceId: parsed.claim.deviceId }),
      ...(entry.deadlineTs !== Infinity && { untilTs: entry.deadlineTs }),
    };
    return before && isRejection(before) && isSameRejection(before, rejection) ? before : rejection;
  }

  /** Why an event makes no member, whatever else its device has sent. */
  #objectionTo({ kind, event, parsed, deadlineTs }: Entry, now: number): RejectionReason | undefined {
    if (parsed.kind !== "claim") return parsed.kind;
    if (parsed.claim.slot !== this.#rules.slot) return "other-slot";
    if (kind === "sticky") {
      if (this.#encrypted && (event as StickyEvent).encryption === "cleartext") return "unencrypted";
      if (this.#slotStatus === "closed") return "slot-closed";
      if (this.#slotStatus === "absent" && this.#rules.strictSlots) return "slot-closed";
    }
    if (parsed.claim.expiresTs <= now || deadlineTs === Infinity) return "expired";
    return this.#isInRoom(event.sender) ? undefined : "not-in-room";
  }

  /** Whether another event of the same device counts instead: sticky beats state, then newer state beats older. */
  #isSuperseded(entry: Entry, now: number): boolean {
    if (entry.kind === "sticky") return false;
    for (const other of this.#byDevice.get(deviceOf(entry)) ?? []) {
      if (other === entry || this.#objectionTo(other, now)) continue;
      if (other.kind === "sticky" || isNewer(other.event, entry.event)) return true;
    }
    return false;
  }

  #addSticky(place: string, event: StickyEvent, parsed: Entry["parsed"], endTs: number): void {
    this.#add({ place, kind: "sticky", event, parsed, deadlineTs: endTs });
    const ofSender = [...(this.#bySender.get(event.sender) ?? [])].filter(({ kind }) => kind === "sticky");
    if (ofSender.length <= mostStickyPerSender) return;
    this.#remove(
      ofSender.reduce((weakest, other) =>
        outranks(weakest.event as StickyEvent, other.event as StickyEvent) ? other : weakest,
      ),
    );
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.place, entry);
    addTo(this.#bySender, entry.event.sender, entry);
    addTo(this.#byDevice, deviceOf(entry), entry);
    this.#deadlines.add(entry);
    this.#touch(entry);
  }

  #remove(entry: Entry): void {
    this.#touch(entry);
    this.#entries.delete(entry.place);
    removeFrom(this.#bySender, entry.event.sender, entry);
    removeFrom(this.#byDevice, deviceOf(entry), entry);
    this.#deadlines.forget(entry);
  }

  /** What becomes of an entry may decide over others of its device. */
  #touch(entry: Entry): void {
    for (const { place } of this.#byDevice.get(deviceOf(entry)) ?? []) this.#touched.add(place);
  }

  /** Sticky events disappear at their end; state events stay, and are expired. */
  #endDue(now: number): void {
    for (let entry = this.#deadlines.takeDue(now); entry; entry = this.#deadlines.takeDue(now)) {
      if (entry.kind === "sticky") this.#remove(entry);
      else this.#touch(entry);
      entry.deadlineTs = Infinity;
    }
  }
}

const isMember = (verdict: Verdict): verdict is Membership => !("reason" in verdict);
const isRejection = (verdict: Verdict): verdict is Rejection => "reason" in verdict;

const isSameRejection = (a: Rejection, b: Rejection): boolean =>
  a.eventId === b.eventId && a.reason === b.reason && a.untilTs === b.untilTs && a.path === b.path;

/** The device of an entry as a key; entries that name none stand alone. */
const deviceOf = ({ place, event, parsed }: Entry): string =>
  parsed.kind === "claim" ? `${event.sender} ${parsed.claim.deviceId}` : place;

const isNewer = (a: RoomEvent, b: RoomEvent): boolean =>
  a.originServerTs === b.originServerTs ? a.eventId > b.eventId : a.originServerTs > b.originServerTs;

/** The member that an accepted claim makes. A renewed member keeps its identity, which is hashed once. */
function memberOf(kind: Membership["kind"], event: RoomEvent, claim: Claim, before: Verdict | undefined): Membership {
  const userId = event.sender;
  const isRenewed =
    before && isMember(before) && before.memberId === claim.memberId && before.deviceId === claim.deviceId;
  const identity = isRenewed
    ? before.participantIdentity
    : participantIdentity(kind, userId, claim.deviceId, claim.memberId);
  return { kind, userId, ...claim, participantIdentity: identity, eventId: event.eventId };
}

/** Who came and who went: a member that is gone from one event and back in another has only been renewed. */
function changesBetween(
  gone: readonly Membership[],
  come: readonly Membership[],
  reasons: ReadonlyMap<Membership, Departure["reason"]>,
): Omit<Changes, "rejected"> {
  const before = new Set(gone.map(instanceOf));
  const after = new Set(come.map(instanceOf));
  return {
    joined: come.filter((member) => !before.has(instanceOf(member))),
    left: gone
      .filter((member) => !after.has(instanceOf(member)))
      .map((member) => ({ member, reason: reasons.get(member) ?? "replaced" })),
  };
}

/** One stay of one device: a sticky member by its id, a state member by when it joined. */
const instanceOf = ({ kind, userId, deviceId, memberId, createdTs }: Membership): string =>
  `${kind} ${userId} ${deviceId} ${kind === "sticky" ? memberId : createdTs}`;

function addTo(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = index.get(key);
  if (entries) entries.add(entry);
  else index.set(key, new Set([entry]));
}

function removeFrom(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = index.get(key);
  entries?.delete(entry);
  if (entries?.size === 0) index.delete(key);
}
