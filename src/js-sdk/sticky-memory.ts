// StickyMemory: sticky events by room and event id, each as well as it is known, within bounds. protocol.md 3.1.
import { asyncScheduler } from "rxjs";
import type { StickyEvent } from "../matrix.ts";
import { longestStickyMs, saysMore } from "../membership/stickiness.ts";

const mostPerRoom = 5_000;
const none: readonly never[] = [];

export class StickyMemory {
  readonly #rooms = new Map<string, Map<string, StickyEvent>>();

  holds(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  in(roomId: string): Iterable<StickyEvent> {
    return this.#rooms.get(roomId)?.values() ?? none;
  }

  /** Keeps an event, and gives the one that is kept: the first of its id, unless more is known now. */
  keep(roomId: string, event: StickyEvent): StickyEvent {
    const room = this.#rooms.get(roomId) ?? new Map<string, StickyEvent>();
    this.#rooms.set(roomId, room);
    const known = room.get(event.eventId);
    if (known && !saysMore(event, known)) return known;
    if (!known && room.size >= mostPerRoom) makeRoom(room);
    room.set(event.eventId, event);
    return event;
  }

  /** Drops a redacted event. Whether there was one. */
  drop(roomId: string, eventId: string): boolean {
    return this.#rooms.get(roomId)?.delete(eventId) ?? false;
  }

  clear(): void {
    this.#rooms.clear();
  }
}

/** Drops what came first, and what has lapsed of it: seldom more than one. */
function makeRoom(room: Map<string, StickyEvent>): void {
  const lapsedTs = asyncScheduler.now() - longestStickyMs;
  for (const [eventId, { receivedTs }] of room) {
    if (room.size < mostPerRoom && receivedTs > lapsedTs) return;
    room.delete(eventId);
  }
}
