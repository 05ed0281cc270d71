// StickyMemory: the sticky events seen while somebody listens, by room and event id. protocol.md 3.1, 14.1.
//
// The client's own store hides what it cannot decrypt, and goes with its Room when that is replaced.
import { asyncScheduler } from "rxjs";
import type { StickyEvent } from "../matrix.ts";

/** No sticky event stays for longer (MSC4354). */
const longestStickyMs = 3_600_000;
const mostPerRoom = 5_000;
const none: readonly never[] = [];

export class StickyMemory {
  /** Nothing is kept while nobody listens: nobody would tell of redactions. */
  isOpen: boolean;
  readonly #rooms = new Map<string, Map<string, StickyEvent>>();

  constructor(isOpen = false) {
    this.isOpen = isOpen;
  }

  in(roomId: string): Iterable<StickyEvent> {
    return this.#rooms.get(roomId)?.values() ?? none;
  }

  /** Keeps an event, and gives the one that is kept: the first of its id, unless more is known now. */
  keep(roomId: string, event: StickyEvent): StickyEvent {
    const known = this.#rooms.get(roomId)?.get(event.eventId);
    if (known && !saysMore(event, known)) return known;
    if (!this.isOpen) return event;
    const room = this.#rooms.get(roomId) ?? new Map<string, StickyEvent>();
    this.#rooms.set(roomId, room);
    if (!known && room.size >= mostPerRoom) makeRoom(room);
    room.set(event.eventId, event);
    return event;
  }

  /** Drops a redacted event. Whether there was one. */
  drop(roomId: string, eventId: string): boolean {
    return this.#rooms.get(roomId)?.delete(eventId) ?? false;
  }

  close(): void {
    this.isOpen = false;
    this.#rooms.clear();
  }
}

const saysMore = (event: StickyEvent, known: StickyEvent): boolean =>
  known.encryption === "undecryptable" || (known.senderDeviceId === undefined && event.senderDeviceId !== undefined);

function makeRoom(room: Map<string, StickyEvent>): void {
  const now = asyncScheduler.now();
  for (const [eventId, { receivedTs }] of room) if (receivedTs + longestStickyMs <= now) room.delete(eventId);
  for (const eventId of room.keys()) {
    if (room.size < mostPerRoom) return;
    room.delete(eventId);
  }
}
