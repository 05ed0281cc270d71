// MemberLoader: makes a client load room members that it would load lazily, so that every sender is known. protocol.md 3.2.
import type { Room } from "matrix-js-sdk";

export class MemberLoader {
  /** Called when the members of a room have been loaded. Nothing is loaded while it is undefined. */
  onLoaded: ((roomId: string) => void) | undefined;
  #asked = new WeakSet<Room>();

  /** Call this when a member was looked up and is unknown. */
  miss(room: Room): void {
    if (!this.onLoaded || this.#asked.has(room) || room.membersLoaded()) return;
    this.#asked.add(room);
    room.loadMembersIfNeeded().then(
      () => this.onLoaded?.(room.roomId),
      // A failed request is repeated once the connection is back.
      () => {},
    );
  }

  retry(): void {
    this.#asked = new WeakSet();
  }
}
