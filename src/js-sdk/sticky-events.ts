// StickyEvents: the sticky events of a client's rooms, undecryptable ones included. protocol.md 3.1, 14.1.
//
// While somebody listens all that come are kept: the client's own store hides what it cannot decrypt, and goes with its
// Room when that is replaced. While nobody does, nothing is kept: nobody would tell of redactions.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler, type Subscription } from "rxjs";
import type { StickyEvent } from "../matrix.ts";
import { isSticky, stickyEvent } from "./sdk-event.ts";
import { adopt, isOrphan, isStoreEmpty, recentSticky, storedSticky } from "./sdk-sticky-store.ts";
import { findDevice } from "./sender-device.ts";
import { StickyCache } from "./sticky-cache.ts";

/** Told of each sticky event that is new, or of which more is known than before. */
type Tell = (roomId: string, event: StickyEvent) => void;

export class StickyEvents {
  readonly #client: MatrixClient;
  #listening: { readonly tell: Tell; readonly told: WeakSet<StickyEvent>; readonly sweep: Subscription } | undefined;
  #memory = new StickyCache();
  #hasOrphans = false;

  constructor(client: MatrixClient) {
    this.#client = client;
  }

  /** Whether there are any in a room, those that turn out to be of no use included. */
  areIn(room: Room): boolean {
    if (!isStoreEmpty(room)) return true;
    if (this.#listening) return this.#memory.holds(room.roomId);
    for (const _ of recentSticky(this.#client, room)) return true;
    return false;
  }

  in(roomId: string): Iterable<StickyEvent> {
    const room = this.#client.getRoom(roomId);
    const memory = this.#listening ? this.#memory : new StickyCache();
    if (!room) return memory.in(roomId);
    for (const event of storedSticky(room)) {
      if (adopt(this.#client, room, event)) this.take(event);
      const sticky = stickyEvent(event);
      if (sticky) memory.keep(roomId, sticky);
    }
    if (this.#listening) return memory.in(roomId);
    for (const event of recentSticky(this.#client, room)) {
      const sticky = stickyEvent(event);
      if (sticky) memory.keep(roomId, sticky);
    }
    return memory.in(roomId);
  }

  open(tell: Tell): void {
    // What time lines have is looked for a moment later: there may be thousands of rooms.
    const sweep = asyncScheduler.schedule(() => {
      for (const room of this.#client.getRooms())
        for (const event of recentSticky(this.#client, room)) this.take(event);
    });
    this.#listening = { tell, told: new WeakSet(), sweep };
  }

  close(): void {
    this.#listening?.sweep.unsubscribe();
    this.#listening = undefined;
    this.#memory = new StickyCache();
  }

  /** An event that came, or was decrypted, or could not be. */
  take(event: MatrixEvent): void {
    if (!this.#listening || !isSticky(event)) return;
    if (isOrphan(event)) this.#hasOrphans = true;
    const { tell, told } = this.#listening;
    const sticky = stickyEvent(event);
    const roomId = event.getRoomId();
    if (!sticky || roomId === undefined) return;
    findDevice(this.#client, event, sticky, () => this.take(event));
    const kept = this.#memory.keep(roomId, sticky);
    if (!kept || told.has(kept)) return;
    told.add(kept);
    tell(roomId, kept);
  }

  /** Drops a redacted event. Whether there was one. */
  drop(roomId: string, eventId: string): boolean {
    return this.#memory.drop(roomId, eventId);
  }

  /** The client is in touch again: devices that it could not find out may be found now. */
  retry(): void {
    for (const room of this.#client.getRooms()) for (const event of storedSticky(room)) this.take(event);
  }

  /** Finds the rooms of those that came without. They are in the stores of their rooms by now. */
  adoptOrphans(): void {
    if (!this.#hasOrphans) return;
    this.#hasOrphans = false;
    for (const room of this.#client.getRooms())
      for (const event of storedSticky(room)) if (adopt(this.#client, room, event)) this.take(event);
  }
}
