// EventStore: entries by key, by sender, by event id and by end. It notes whose entries have to be checked again.
import { DeadlineHeap } from "../rx/timer-queue.ts";
import type { Entry, StateEntry, StickyEntry } from "./entry.ts";

const none: readonly never[] = [];

export class EventStore {
  readonly #state = new Map<string, StateEntry>();
  readonly #sticky = new Map<string, StickyEntry>();
  readonly #stickyById = new Map<string, StickyEntry>();
  readonly #bySender = new Map<string, Entry[]>();
  /** The entries to check again, in a list for each sender. */
  #changed = new Set<readonly Entry[]>();
  readonly #ends = new DeadlineHeap<Entry>();

  *[Symbol.iterator](): Iterator<Entry> {
    yield* this.#state.values();
    yield* this.#sticky.values();
  }

  /** The state keys that have an event. */
  stateKeys(): Iterable<string> {
    return this.#state.keys();
  }

  /** When the next entry ends. */
  get soonestTs(): number | undefined {
    return this.#ends.soonestTs;
  }

  stateAt(stateKey: string): StateEntry | undefined {
    return this.#state.get(stateKey);
  }

  stickyAt(key: string): StickyEntry | undefined {
    return this.#sticky.get(key);
  }

  /** The entry of a sticky event, if that is the current one at its key. */
  stickyById(eventId: string): StickyEntry | undefined {
    return this.#stickyById.get(eventId);
  }

  bySender(userId: string): readonly Entry[] {
    return this.#bySender.get(userId) ?? none;
  }

  /** Has the entries of a user checked again, or those of all users. */
  recheck(userId?: string): void {
    const lists = userId === undefined ? this.#bySender.values() : [this.bySender(userId)];
    for (const entries of lists) this.#changed.add(entries);
  }

  /** The entries to check again, in a list for each sender. */
  takeChanged(): Iterable<readonly Entry[]> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Adds an entry at a free key. Returns all entries of its sender. */
  add(entry: Entry): readonly Entry[] {
    const { key, event } = entry;
    if (entry.kind === "state") this.#state.set(key, entry);
    else {
      this.#sticky.set(key, entry);
      this.#stickyById.set(event.eventId, entry);
    }
    this.#ends.add(entry);
    const ofSender = this.#bySender.get(event.sender) ?? [];
    if (ofSender.push(entry) === 1) this.#bySender.set(event.sender, ofSender);
    this.#changed.add(ofSender);
    return ofSender;
  }

  remove(entry: Entry): void {
    const { key, event } = entry;
    if (entry.kind === "state") this.#state.delete(key);
    else {
      this.#sticky.delete(key);
      this.#stickyById.delete(event.eventId);
    }
    const ofSender = this.#bySender.get(event.sender)!;
    ofSender.splice(ofSender.indexOf(entry), 1);
    if (ofSender.length === 0) this.#bySender.delete(event.sender);
    this.#changed.add(ofSender);
    this.#ends.delete(entry);
  }

  /** The next entry whose end has passed by `now`: each entry once. It stays in the store until it is removed. */
  popEnded(now: number): Entry | undefined {
    const entry = this.#ends.popDue(now);
    if (entry) entry.hasEnded = true;
    return entry;
  }
}
