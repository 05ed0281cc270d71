// StickyCache: sticky events by room and event id, each in its most complete form, within limits. protocol.md 3.1.
import { asyncScheduler } from "rxjs";
import type { StickyEvent } from "../matrix.ts";
import { maxStickyMs, isMoreComplete } from "../membership/sticky-map.ts";

const maxPerRoom = 5_000;
const none: readonly never[] = [];

interface CachedEvent {
  readonly receivedTs: number;
  /** Undefined once it was redacted: the client's own store may return it again when the event that replaced it is redacted. */
  readonly event: StickyEvent | undefined;
}

export class StickyCache {
  readonly #rooms = new Map<string, Map<string, CachedEvent>>();

  hasRoom(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  *in(roomId: string): Iterable<StickyEvent> {
    for (const { event } of this.#rooms.get(roomId)?.values() ?? none) if (event) yield event;
  }

  /**
   * Adds an event and returns the one that the cache holds under its id: the first, unless the new one is more complete.
   * Returns undefined for an event that was redacted.
   */
  add(roomId: string, event: StickyEvent): StickyEvent | undefined {
    const room = this.#rooms.get(roomId) ?? new Map<string, CachedEvent>();
    this.#rooms.set(roomId, room);
    const known = room.get(event.eventId);
    if (known && !(known.event && isMoreComplete(event, known.event))) return known.event;
    if (!known && room.size >= maxPerRoom) evict(room);
    room.set(event.eventId, { event, receivedTs: event.receivedTs });
    return event;
  }

  /** Removes a redacted event. Returns whether the cache held it. */
  redact(roomId: string, eventId: string): boolean {
    const room = this.#rooms.get(roomId);
    const known = room?.get(eventId);
    if (!known?.event) return false;
    room?.set(eventId, { ...known, event: undefined });
    return true;
  }
}

/** Removes the oldest event, and the next oldest ones that have expired. */
function evict(room: Map<string, CachedEvent>): void {
  const expiredTs = asyncScheduler.now() - maxStickyMs;
  for (const [eventId, { receivedTs }] of room) {
    if (room.size < maxPerRoom && receivedTs > expiredTs) return;
    room.delete(eventId);
  }
}
