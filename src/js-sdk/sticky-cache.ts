// StickyCache: sticky events by room and event id, each in its most complete form, within limits. protocol.md 3.1.
import { asyncScheduler } from "rxjs";
import type { StickyEvent } from "../matrix.ts";
import { isMoreComplete, maxStickyMs } from "../membership/sticky-map.ts";

/** Somebody who sends more events cannot push out the events of others. */
const maxPerSender = 200;
const maxPerRoom = 5_000;
const none: readonly never[] = [];

interface CachedEvent {
  readonly sender: string;
  readonly receivedTs: number;
  /** Undefined once it was redacted: the client's own store may return it again when the event that replaced it is redacted. */
  readonly event: StickyEvent | undefined;
}

export class StickyCache {
  readonly #rooms = new Map<string, RoomCache>();

  hasRoom(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  in(roomId: string): Iterable<StickyEvent> {
    return this.#rooms.get(roomId)?.events() ?? none;
  }

  /**
   * Adds an event and returns the one that the cache holds under its id: the first, unless the new one is more complete.
   * Returns undefined for an event that was redacted.
   */
  add(roomId: string, event: StickyEvent): StickyEvent | undefined {
    const room = this.#rooms.get(roomId) ?? new RoomCache();
    this.#rooms.set(roomId, room);
    return room.add(event);
  }

  /** Removes a redacted event. Returns whether the cache held it. */
  redact(roomId: string, eventId: string): boolean {
    return this.#rooms.get(roomId)?.redact(eventId) ?? false;
  }
}

class RoomCache {
  /** By event id, oldest first. */
  readonly #events = new Map<string, CachedEvent>();
  /** The event ids of each sender, oldest first. */
  readonly #bySender = new Map<string, Set<string>>();

  *events(): Iterable<StickyEvent> {
    for (const { event } of this.#events.values()) if (event) yield event;
  }

  add(event: StickyEvent): StickyEvent | undefined {
    const { eventId, sender, receivedTs } = event;
    const known = this.#events.get(eventId);
    if (known && !(known.event && isMoreComplete(event, known.event))) return known.event;
    if (!known) {
      const ofSender = this.#bySender.get(sender) ?? new Set<string>();
      this.#bySender.set(sender, ofSender.add(eventId));
    }
    this.#events.set(eventId, { sender, receivedTs, event });
    if (!known) this.#evict(sender);
    return event;
  }

  redact(eventId: string): boolean {
    const known = this.#events.get(eventId);
    if (!known?.event) return false;
    this.#events.set(eventId, { ...known, event: undefined });
    return true;
  }

  /** Removes what has expired, then the oldest event of a sender with too many, or of the sender with the most. */
  #evict(sender: string): void {
    const expiredTs = asyncScheduler.now() - maxStickyMs;
    for (const [eventId, { receivedTs }] of this.#events) {
      if (receivedTs > expiredTs) break;
      this.#remove(eventId);
    }
    if ((this.#bySender.get(sender)?.size ?? 0) > maxPerSender) this.#removeOldestOf(sender);
    else if (this.#events.size > maxPerRoom) this.#removeOldestOf(this.#senderOfMost());
  }

  #senderOfMost(): string {
    let [most, count] = ["", 0];
    for (const [sender, { size }] of this.#bySender) if (size > count) [most, count] = [sender, size];
    return most;
  }

  #removeOldestOf(sender: string): void {
    for (const eventId of this.#bySender.get(sender) ?? none) return this.#remove(eventId);
  }

  #remove(eventId: string): void {
    const sender = this.#events.get(eventId)?.sender ?? "";
    const ofSender = this.#bySender.get(sender);
    this.#events.delete(eventId);
    ofSender?.delete(eventId);
    if (ofSender?.size === 0) this.#bySender.delete(sender);
  }
}
