// StickyCache: sticky events by room and event id, each as well as it is known, within bounds. protocol.md 3.1.
import { asyncScheduler } from "rxjs";
import type { StickyEvent } from "../matrix.ts";
import { longestStickyMs, saysMore } from "../membership/stickiness.ts";

const mostPerRoom = 5_000;
const none: readonly never[] = [];

interface Kept {
  readonly receivedTs: number;
  /** None once it was redacted: the client's own store may bring it up again when what outranked it is redacted, too. */
  readonly event: StickyEvent | undefined;
}

export class StickyCache {
  readonly #rooms = new Map<string, Map<string, Kept>>();

  holds(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  *in(roomId: string): Iterable<StickyEvent> {
    for (const { event } of this.#rooms.get(roomId)?.values() ?? none) if (event) yield event;
  }

  /** Keeps an event, and gives the one that is kept: the first of its id, unless more is known now; none once redacted. */
  keep(roomId: string, event: StickyEvent): StickyEvent | undefined {
    const room = this.#rooms.get(roomId) ?? new Map<string, Kept>();
    this.#rooms.set(roomId, room);
    const known = room.get(event.eventId);
    if (known && !(known.event && saysMore(event, known.event))) return known.event;
    if (!known && room.size >= mostPerRoom) makeRoom(room);
    room.set(event.eventId, { event, receivedTs: event.receivedTs });
    return event;
  }

  /** Drops a redacted event. Whether there was one. */
  drop(roomId: string, eventId: string): boolean {
    const room = this.#rooms.get(roomId);
    const known = room?.get(eventId);
    if (!known?.event) return false;
    room?.set(eventId, { ...known, event: undefined });
    return true;
  }
}

/** Drops what came first, and what has lapsed of it: seldom more than one. */
function makeRoom(room: Map<string, Kept>): void {
  const lapsedTs = asyncScheduler.now() - longestStickyMs;
  for (const [eventId, { receivedTs }] of room) {
    if (room.size < mostPerRoom && receivedTs > lapsedTs) return;
    room.delete(eventId);
  }
}
