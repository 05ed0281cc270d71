// StickyEvents: the sticky events of a client's rooms, undecryptable ones included. protocol.md 3.1, 14.1.
//
// While somebody is subscribed, a cache keeps every sticky event that arrives: the client's own store hides events that it
// cannot decrypt, and it is lost when the client replaces a Room. Without subscribers nothing is cached, because nothing
// would report redactions.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler, type Subscription } from "rxjs";
import type { StickyEvent } from "../matrix.ts";
import { isSticky, stickyEvent } from "./sdk-event.ts";
import { adopt, isOrphan, isStoreEmpty, recentSticky, storedSticky } from "./sdk-sticky-store.ts";
import { findDevice } from "./sender-device.ts";
import { StickyCache } from "./sticky-cache.ts";

/** Gets each sticky event that is new, or more complete than before. */
type Emit = (roomId: string, event: StickyEvent) => void;

export class StickyEvents {
  readonly #client: MatrixClient;
  #listening: { readonly emit: Emit; readonly emitted: WeakSet<StickyEvent>; readonly sweep: Subscription } | undefined;
  #cache = new StickyCache();
  #hasOrphans = false;

  constructor(client: MatrixClient) {
    this.#client = client;
  }

  /** Whether a room has any, including events that this library does not use. */
  areIn(room: Room): boolean {
    if (!isStoreEmpty(room)) return true;
    if (this.#listening) return this.#cache.hasRoom(room.roomId);
    for (const _ of recentSticky(this.#client, room)) return true;
    return false;
  }

  in(roomId: string): Iterable<StickyEvent> {
    const room = this.#client.getRoom(roomId);
    const cache = this.#listening ? this.#cache : new StickyCache();
    if (!room) return cache.in(roomId);
    for (const event of storedSticky(room)) {
      if (adopt(this.#client, room, event)) this.ingest(event);
      const sticky = this.#read(event);
      if (sticky) cache.add(roomId, sticky);
    }
    if (this.#listening) return cache.in(roomId);
    for (const event of recentSticky(this.#client, room)) {
      const sticky = this.#read(event);
      if (sticky) cache.add(roomId, sticky);
    }
    return cache.in(roomId);
  }

  open(emit: Emit): void {
    // The timelines are read a moment later, because there may be thousands of rooms.
    const sweep = asyncScheduler.schedule(() => {
      for (const room of this.#client.getRooms())
        for (const event of recentSticky(this.#client, room)) this.ingest(event);
    });
    this.#listening = { emit, emitted: new WeakSet(), sweep };
  }

  close(): void {
    this.#listening?.sweep.unsubscribe();
    this.#listening = undefined;
    this.#cache = new StickyCache();
  }

  /** Accepts an event that arrived, or whose decryption ended, with success or without. */
  ingest(event: MatrixEvent): void {
    if (!this.#listening || !isSticky(event)) return;
    if (isOrphan(event)) this.#hasOrphans = true;
    const { emit, emitted } = this.#listening;
    const sticky = this.#read(event);
    const roomId = event.getRoomId();
    if (!sticky || roomId === undefined) return;
    findDevice(this.#client, event, sticky, () => this.ingest(event));
    const cached = this.#cache.add(roomId, sticky);
    if (!cached || emitted.has(cached)) return;
    emitted.add(cached);
    emit(roomId, cached);
  }

  #read(event: MatrixEvent): StickyEvent | undefined {
    return stickyEvent(event, this.#client.getCrypto() !== undefined);
  }

  /** Removes a redacted event. Returns whether there was one. */
  drop(roomId: string, eventId: string): boolean {
    return this.#cache.redact(roomId, eventId);
  }

  /** Call this when the connection is back: devices that were not found before may be found now. */
  retry(): void {
    for (const room of this.#client.getRooms()) for (const event of storedSticky(room)) this.ingest(event);
  }

  /** Finds the rooms of events that came without a room id. By now they are in the stores of their rooms. */
  adoptOrphans(): void {
    if (!this.#hasOrphans) return;
    this.#hasOrphans = false;
    for (const room of this.#client.getRooms())
      for (const event of storedSticky(room)) if (adopt(this.#client, room, event)) this.ingest(event);
  }
}
