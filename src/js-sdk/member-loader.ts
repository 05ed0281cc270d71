// MemberLoader: a client that loads room members lazily does not know every sender. It is made to load them. protocol.md 3.2.
import type { Room } from "matrix-js-sdk";

export class MemberLoader {
  /** Told when the members of a room have come in; nothing is loaded while nobody would be told. */
  onLoaded: ((roomId: string) => void) | undefined;
  #asked = new WeakSet<Room>();

  /** Somebody was looked for and is not known. */
  miss(room: Room): void {
    if (!this.onLoaded || this.#asked.has(room) || room.membersLoaded()) return;
    this.#asked.add(room);
    room.loadMembersIfNeeded().then(
      () => this.onLoaded?.(room.roomId),
      // Asked again once the connection is back.
      () => {},
    );
  }

  retry(): void {
    this.#asked = new WeakSet();
  }
}
