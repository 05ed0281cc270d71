// Entries: the events that stand in a room, by place and by sender, and when the next of them ends.
import { Deadlines } from "../rx/deadlines.ts";
import type { Entry, StickyEntry } from "./entry.ts";

const none: readonly never[] = [];

export class Entries {
  readonly #byPlace = new Map<string, Entry>();
  readonly #bySender = new Map<string, Entry[]>();
  readonly #stickyById = new Map<string, StickyEntry>();
  readonly #deadlines = new Deadlines<Entry>();

  [Symbol.iterator](): Iterator<Entry> {
    return this.#byPlace.values();
  }

  /** When the next entry ends by itself. */
  get soonestTs(): number | undefined {
    return this.#deadlines.soonestTs;
  }

  at(place: string): Entry | undefined {
    return this.#byPlace.get(place);
  }

  ofSender(userId: string): readonly Entry[] {
    return this.#bySender.get(userId) ?? none;
  }

  /** The sticky event of an id, if it stands. */
  sticky(eventId: string): StickyEntry | undefined {
    return this.#stickyById.get(eventId);
  }

  add(entry: Entry): void {
    const { place, event } = entry;
    this.#byPlace.set(place, entry);
    const ofSender = this.#bySender.get(event.sender);
    if (ofSender) ofSender.push(entry);
    else this.#bySender.set(event.sender, [entry]);
    if (entry.kind === "sticky") this.#stickyById.set(event.eventId, entry);
    this.#deadlines.add(entry);
  }

  remove(entry: Entry): void {
    const { place, event } = entry;
    this.#byPlace.delete(place);
    const ofSender = this.#bySender.get(event.sender) ?? [];
    ofSender.splice(ofSender.indexOf(entry), 1);
    if (ofSender.length === 0) this.#bySender.delete(event.sender);
    if (entry.kind === "sticky") this.#stickyById.delete(event.eventId);
    this.#deadlines.forget(entry);
  }

  /** The next entry that has ended by `now` and was not given before; it still stands. */
  takeDue(now: number): Entry | undefined {
    return this.#deadlines.takeDue(now);
  }
}
