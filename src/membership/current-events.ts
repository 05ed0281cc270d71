// CurrentEvents: which events of a room are current: they are put, replaced, redacted and ended, within limits. protocol.md 3.1.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { stickyMemberTypes } from "../room/names.ts";
import type { Departure } from "./changes.ts";
import { precedes } from "./eligibility.ts";
import {
  type DecodeApplication,
  type Entry,
  isMadeOf,
  isUndecryptable,
  keyOfSticky,
  type Outcome,
  type StateEntry,
  type ParseState,
  stateEntry,
  stickyEntry,
} from "./entry.ts";
import { EventStore } from "./event-store.ts";
import type { FirstReads } from "./first-reads.ts";
import { maxPerSender, withinLimits } from "./sender-limits.ts";
import type { FirstRead } from "./state-event.ts";
import { isMoreComplete, outranks, stickyEndTs } from "./sticky-map.ts";

/** What has changed since it was last asked for. */
export interface EventChanges {
  /** The entries to check again, in a list for each sender. */
  readonly bySender: Iterable<readonly Entry[]>;
  /** The outcomes of entries that were removed, with the reason. */
  readonly removed: readonly { readonly outcome: Outcome; readonly reason: Departure["reason"] }[];
}

export class CurrentEvents {
  readonly #firstReads: FirstReads;
  readonly #parseState: ParseState;
  readonly #decode: DecodeApplication;
  readonly #events = new EventStore();
  #removed: EventChanges["removed"][number][] = [];
  #gaps = new Set<Entry["kind"]>();
  /** The sorts of events, by sender, that have exceeded the limits: some of them were left out. */
  readonly #exceeded = new Set<string>();

  constructor(firstReads: FirstReads, parseState: ParseState, decode: DecodeApplication) {
    this.#firstReads = firstReads;
    this.#parseState = parseState;
    this.#decode = decode;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#events[Symbol.iterator]();
  }

  bySender(userId: string): readonly Entry[] {
    return this.#events.bySender(userId);
  }

  /** When the next event ends. */
  get soonestTs(): number | undefined {
    return this.#events.soonestTs;
  }

  /** Puts all state events of the room. */
  putAllState(events: readonly RoomEvent[], read: FirstRead): void {
    const { kept, exceeded } = withinLimits(events);
    const missing = new Set(this.#events.stateKeys());
    for (const event of kept) {
      const { stateKey = "" } = event;
      this.putState(stateKey, event, read);
      missing.delete(stateKey);
    }
    for (const stateKey of missing) this.putState(stateKey, undefined, read);
    for (const { sender, mayClaim } of exceeded) this.#exceeded.add(sortOf("state", mayClaim, sender));
  }

  /**
   * Puts the event that is at a state key now. Undefined: the key is empty.
   *
   * @param read Its first read, if its key was empty before.
   */
  putState(stateKey: string, event: RoomEvent | undefined, read: FirstRead): void {
    const before = this.#events.stateAt(stateKey);
    if (event && before && isMadeOf(before, event)) return;
    if (event) {
      const first = this.#firstReads.firstReadOf(event, before ? readAfter(before, event, read) : read);
      this.#put(stateEntry(stateKey, event, this.#parseState(event, first), this.#decode), before);
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
    else this.#put(stickyEntry(event, endTs, key, this.#decode, before ?? known), before);
  }

  /** Removes a redacted sticky event. */
  redact(eventId: string): void {
    const entry = this.#events.stickyById(eventId);
    if (!entry) return;
    this.#remove(entry, "left");
    this.#gaps.add("sticky");
  }

  /** Ends the events whose end has passed: sticky events are removed, state events stay and are checked again. */
  expire(now: number): void {
    for (let entry = this.#events.popEnded(now); entry; entry = this.#events.popEnded(now)) {
      if (entry.kind === "state") this.recheck(entry.event.sender);
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
    this.#gaps = new Set();
    return gaps;
  }

  /** Has the events of a user checked again, or those of all users. */
  recheck(userId?: string): void {
    this.#events.recheck(userId);
  }

  takeChanges(): EventChanges {
    const changes = { bySender: this.#events.takeChanged(), removed: this.#removed };
    this.#removed = [];
    return changes;
  }

  /** Puts an entry at a free key, or in place of the entry `before`. */
  #put(entry: Entry, before: Entry | undefined): void {
    if (before) {
      this.#events.remove(before);
      if (before.mayClaim !== entry.mayClaim || before.event.sender !== entry.event.sender) this.#noteGap(before);
      entry.outcome = before.outcome;
    }
    const ofSender = this.#events.add(entry);
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
    if (this.#exceeded.delete(sortOf(kind, mayClaim, sender))) this.#gaps.add(kind);
  }

  #remove(entry: Entry, reason: Departure["reason"]): void {
    this.#events.remove(entry);
    this.#noteGap(entry);
    if (entry.outcome) this.#removed.push({ outcome: entry.outcome, reason });
  }
}

/** A sort of events of one sender. */
const sortOf = (kind: Entry["kind"], mayClaim: boolean, sender: string): string =>
  `${kind} ${mayClaim ? "claims" : "others"} ${sender}`;

const isOfSameSort = (a: Entry, b: Entry): boolean => a.kind === b.kind && a.mayClaim === b.mayClaim;

/** The read of a state event whose key was not empty. */
function readAfter(before: StateEntry, event: RoomEvent, { readTs }: FirstRead): FirstRead {
  const isRefresh = before.claim && before.event.sender === event.sender;
  return { readTs, beforeTs: isRefresh ? before.claim.createdTs : before.event.originServerTs };
}
