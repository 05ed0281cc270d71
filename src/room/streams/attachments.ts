// Attachments: events that relate to others, for instance reactions, by the event to which they are attached. It knows no RxJS and no clock.
// Bounded: beyond the most of one user the oldest of that user goes, beyond the most in all the oldest of all. Each step costs the same.
import type { TimelineEvent } from "../../matrix.ts";

/** An event, and the event to which it is attached. */
export interface Attachment {
  readonly event: TimelineEvent;
  readonly target: string;
}

export class Attachments {
  readonly #mostOfUser: number;
  readonly #mostInAll: number;
  /** By their own event id, oldest first. */
  readonly #all = new Map<string, Attachment>();
  readonly #ofUser = new Map<string, Set<string>>();
  readonly #at = new Map<string, Map<string, TimelineEvent>>();

  constructor(mostOfUser: number, mostInAll: number) {
    this.#mostOfUser = mostOfUser;
    this.#mostInAll = mostInAll;
  }

  /** Oldest first. */
  get all(): Iterable<Attachment> {
    return this.#all.values();
  }

  /** What is attached to an event, oldest first. */
  at(target: string): Iterable<TimelineEvent> {
    return this.#at.get(target)?.values() ?? [];
  }

  /** Adds an event, or replaces the same one. Returns the targets of those that had to go. */
  add(event: TimelineEvent, target: string): readonly string[] {
    const { eventId, sender } = event;
    if (this.#all.get(eventId)?.target !== target) this.delete(eventId);
    this.#all.set(eventId, { event, target });
    const ofUser = entryOf(this.#ofUser, sender, () => new Set());
    ofUser.add(eventId);
    entryOf(this.#at, target, () => new Map()).set(eventId, event);
    return [
      ...(ofUser.size > this.#mostOfUser ? this.#deleteFirst(ofUser) : []),
      ...(this.#all.size > this.#mostInAll ? this.#deleteFirst(this.#all.keys()) : []),
    ];
  }

  /** Deletes an event. Returns its target, if it was there. */
  delete(eventId: string): string | undefined {
    const attachment = this.#all.get(eventId);
    if (!attachment) return undefined;
    const { event, target } = attachment;
    this.#all.delete(eventId);
    deleteIn(this.#ofUser, event.sender, eventId);
    deleteIn(this.#at, target, eventId);
    return target;
  }

  /** Deletes all that is attached to an event. */
  deleteAt(target: string): void {
    for (const { eventId } of [...this.at(target)]) this.delete(eventId);
  }

  clear(): void {
    for (const map of [this.#all, this.#ofUser, this.#at]) map.clear();
  }

  #deleteFirst(eventIds: Iterable<string>): readonly string[] {
    const [first] = eventIds;
    return [this.delete(first!)!];
  }
}

/** The value of a key, made if there is none. */
function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Takes an entry out of an inner collection, and the collection with its last entry. */
function deleteIn(map: Map<string, Set<string> | Map<string, unknown>>, key: string, entry: string): void {
  const inner = map.get(key);
  inner?.delete(entry);
  if (inner?.size === 0) map.delete(key);
}
