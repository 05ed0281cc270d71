// Entries: the events that stand in a room, by place and by sender, and when the next of them ends.
import { Deadlines } from "../rx/timer-queue.ts";
import type { Entry, StateEntry, StickyEntry } from "./entry.ts";

const none: readonly never[] = [];

export class Entries {
  readonly #state = new Map<string, StateEntry>();
  readonly #sticky = new Map<string, StickyEntry>();
  readonly #bySender = new Map<string, Entry[]>();
  readonly #stickyById = new Map<string, StickyEntry>();
  readonly #deadlines = new Deadlines<Entry>();

  *[Symbol.iterator](): Iterator<Entry> {
    yield* this.#state.values();
    yield* this.#sticky.values();
  }

  /** The state keys at which events stand. */
  stateKeys(): Iterable<string> {
    return this.#state.keys();
  }

  /** When the next entry ends by itself. */
  get soonestTs(): number | undefined {
    return this.#deadlines.soonestTs;
  }

  stateAt(stateKey: string): StateEntry | undefined {
    return this.#state.get(stateKey);
  }

  stickyAt(place: string): StickyEntry | undefined {
    return this.#sticky.get(place);
  }

  ofSender(userId: string): readonly Entry[] {
    return this.#bySender.get(userId) ?? none;
  }

  /** The sticky event of an id, if it stands. */
  stickyOf(eventId: string): StickyEntry | undefined {
    return this.#stickyById.get(eventId);
  }

  /** Adds an entry, and gives all of its sender. */
  add(entry: Entry): readonly Entry[] {
    const { place, event } = entry;
    if (entry.kind === "state") this.#state.set(place, entry);
    else {
      this.#sticky.set(place, entry);
      this.#stickyById.set(event.eventId, entry);
    }
    this.#deadlines.add(entry);
    const ofSender = this.#bySender.get(event.sender);
    ofSender?.push(entry);
    const all = ofSender ?? [entry];
    if (!ofSender) this.#bySender.set(event.sender, all);
    return all;
  }

  remove(entry: Entry): void {
    const { place, event } = entry;
    if (entry.kind === "state") this.#state.delete(place);
    else {
      this.#sticky.delete(place);
      this.#stickyById.delete(event.eventId);
    }
    const ofSender = this.#bySender.get(event.sender) ?? [];
    ofSender.splice(ofSender.indexOf(entry), 1);
    if (ofSender.length === 0) this.#bySender.delete(event.sender);
    this.#deadlines.forget(entry);
  }

  /** The next entry that has ended by `now` and was not given before; it still stands. */
  takeDue(now: number): Entry | undefined {
    return this.#deadlines.takeDue(now);
  }
}
