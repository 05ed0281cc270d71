// Rooms: reading what a client holds. A Room is looked up at every reading, since it may be replaced (pitfall 20).
import type { MatrixClient, MatrixEvent } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomEvent, StickyEvent } from "../matrix.ts";
import { isSticky, stateEvent, stickyEvent } from "./event.ts";
import type { MemberLoader } from "./member-loader.ts";
import { StickyMemory } from "./sticky-memory.ts";

const longestStickyMs = 3_600_000;
const none: readonly never[] = [];

type Reading = Pick<Matrix, "rooms" | "hasRoom" | "stateEvent" | "stateEvents" | "stickyEvents">;

export function roomsOf(client: MatrixClient, memory: StickyMemory, loader: MemberLoader): Reading {
  return {
    *rooms() {
      for (const room of client.getRooms()) if (room.getMyMembership() === "join") yield room.roomId;
    },

    hasRoom: (roomId) => client.getRoom(roomId) !== null,

    stateEvent(roomId, type, stateKey) {
      const room = client.getRoom(roomId);
      const event = room?.currentState.getStateEvents(type, stateKey);
      if (event) return stateEvent(event);
      if (room && type === "m.room.member") loader.miss(room);
      return undefined;
    },

    stateEvents(roomId, type): Iterable<RoomEvent> {
      const events = client.getRoom(roomId)?.currentState.getStateEvents(type);
      return events?.length ? events.map(stateEvent) : none;
    },

    stickyEvents(roomId): Iterable<StickyEvent> {
      const found = memory.isOpen ? memory : new StickyMemory(true);
      for (const event of heldSticky(client, roomId)) {
        const sticky = stickyEvent(event);
        if (sticky) found.keep(roomId, sticky);
      }
      return found.in(roomId);
    },
  };
}

/** What the client's store of sticky events gives out, and what it hides: those that it has not decrypted. */
function* heldSticky(client: MatrixClient, roomId: string): Iterable<MatrixEvent> {
  const room = client.getRoom(roomId);
  if (!room) return;
  yield* room._unstable_getStickyEvents();
  const timeline = room.getLiveTimeline().getEvents();
  const oldestTs = asyncScheduler.now() - longestStickyMs;
  for (let at = timeline.length - 1; at >= 0; at--) {
    const event = timeline[at];
    if (!event || event.localTimestamp < oldestTs) return;
    if (!isSticky(event)) continue;
    if (event.shouldAttemptDecryption()) void client.decryptEventIfNeeded(event).catch(() => {});
    yield event;
  }
}
