// Rooms: reading what a client holds. A Room is looked up at every reading, since it may be replaced (pitfall 20).
import type { MatrixClient } from "matrix-js-sdk";
import type { Matrix, RoomEvent, StickyEvent } from "../matrix.ts";
import { stateEvent, stickyEvent } from "./event.ts";
import { heldSticky } from "./held-sticky.ts";
import type { MemberLoader } from "./member-loader.ts";
import type { SenderDevices } from "./sender-devices.ts";
import { StickyMemory } from "./sticky-memory.ts";

const none: readonly never[] = [];

type Reading = Pick<Matrix, "rooms" | "hasRoom" | "stateEvent" | "stateEvents" | "stickyEvents">;

export function roomsOf(
  client: MatrixClient,
  memory: StickyMemory,
  loader: MemberLoader,
  devices: SenderDevices,
): Reading {
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
      const room = client.getRoom(roomId);
      for (const event of room ? heldSticky(client, room) : none) {
        const sticky = stickyEvent(event);
        if (!sticky) continue;
        found.keep(roomId, sticky);
        devices.look(event, sticky);
      }
      return found.in(roomId);
    },
  };
}
