// Entries: the events that stand in a room, by place, sender and device, and when the next of them ends.
import { Deadlines } from "./deadlines.ts";
import type { Entry, StickyEntry } from "./entry.ts";

const none: ReadonlySet<never> = new Set();

export class Entries {
  readonly #byPlace = new Map<string, Entry>();
  readonly #bySender = new Map<string, Set<Entry>>();
  readonly #byDevice = new Map<string, Set<Entry>>();
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

  ofSender(userId: string): ReadonlySet<Entry> {
    return this.#bySender.get(userId) ?? none;
  }

  ofDevice(device: string): ReadonlySet<Entry> {
    return this.#byDevice.get(device) ?? none;
  }

  /** The sticky event of an id, if it stands. */
  sticky(eventId: string): StickyEntry | undefined {
    return this.#stickyById.get(eventId);
  }

  add(entry: Entry): void {
    this.#byPlace.set(entry.place, entry);
    addTo(this.#bySender, entry.event.sender, entry);
    addTo(this.#byDevice, entry.device, entry);
    if (entry.kind === "sticky") this.#stickyById.set(entry.event.eventId, entry);
    this.#deadlines.add(entry);
  }

  remove(entry: Entry): void {
    this.#byPlace.delete(entry.place);
    removeFrom(this.#bySender, entry.event.sender, entry);
    removeFrom(this.#byDevice, entry.device, entry);
    if (entry.kind === "sticky") this.#stickyById.delete(entry.event.eventId);
    this.#deadlines.forget(entry);
  }

  /** The next entry that has ended by `now` and was not given before; it still stands. */
  takeDue(now: number): Entry | undefined {
    return this.#deadlines.takeDue(now);
  }
}

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
