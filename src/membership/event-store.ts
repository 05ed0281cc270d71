// EventStore: entries by key, by sender, by event id and by end. It notes whose entries have to be checked again.
import { DeadlineHeap } from "../rx/timer-queue.ts";
import type { Entry, StateEntry, StickyEntry } from "./entry.ts";

const none: readonly never[] = [];

/** The entries of one sender: one, for most senders. */
interface Sender {
  readonly entries: Entry[];
  /** Whether they have to be checked again. */
  isChanged: boolean;
}

export class EventStore {
  readonly #state = new Map<string, StateEntry>();
  readonly #sticky = new Map<string, StickyEntry>();
  readonly #stickyById = new Map<string, StickyEntry>();
  readonly #senders = new Map<string, Sender>();
  #changed: Sender[] = [];
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
    return this.#senders.get(userId)?.entries ?? none;
  }

  /** Has the entries of a user checked again, or those of all users. */
  recheck(userId?: string): void {
    const senders = userId === undefined ? this.#senders.values() : [this.#senders.get(userId)];
    for (const sender of senders) this.#markChanged(sender);
  }

  /** The entries to check again, in a list for each sender. */
  takeChanged(): readonly (readonly Entry[])[] {
    const changed = this.#changed;
    this.#changed = [];
    for (const sender of changed) sender.isChanged = false;
    return changed.map(({ entries }) => entries);
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
    let sender = this.#senders.get(event.sender);
    if (sender) sender.entries.push(entry);
    else this.#senders.set(event.sender, (sender = { entries: [entry], isChanged: false }));
    this.#markChanged(sender);
    return sender.entries;
  }

  remove(entry: Entry): void {
    const { key, event } = entry;
    if (entry.kind === "state") this.#state.delete(key);
    else {
      this.#sticky.delete(key);
      this.#stickyById.delete(event.eventId);
    }
    const sender = this.#senders.get(event.sender)!;
    sender.entries.splice(sender.entries.indexOf(entry), 1);
    if (sender.entries.length === 0) this.#senders.delete(event.sender);
    this.#markChanged(sender);
    this.#ends.delete(entry);
  }

  /** The next entry whose end has passed by `now`: each entry once. It stays in the store until it is removed. */
  popEnded(now: number): Entry | undefined {
    const entry = this.#ends.popDue(now);
    if (entry) entry.hasEnded = true;
    return entry;
  }

  #markChanged(sender: Sender | undefined): void {
    if (!sender || sender.isChanged) return;
    sender.isChanged = true;
    this.#changed.push(sender);
  }
}
