// SdkRooms: reads the rooms of a client. The Room is looked up at each reading, because the client may replace it (guarantee 20).
import type { MatrixClient } from "matrix-js-sdk";
import type { Matrix, RoomEvent } from "../matrix.ts";
import { stateEvent } from "./sdk-event.ts";
import type { MemberLoader } from "./member-loader.ts";
import type { StickyEvents } from "./sticky-events.ts";

const none: readonly never[] = [];

type Reading = Pick<Matrix, "rooms" | "hasRoom" | "stateEvent" | "stateEvents" | "stickyEvents">;

export function roomsOf(client: MatrixClient, sticky: StickyEvents, loader: MemberLoader): Reading {
  return {
    rooms({ withStateOf } = {}) {
      const ids: string[] = [];
      for (const room of client.getRooms()) {
        const mayHold = withStateOf === undefined || room.currentState.events.has(withStateOf) || sticky.areIn(room);
        if (mayHold && room.getMyMembership() === "join") ids.push(room.roomId);
      }
      return ids;
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
      const room = client.getRoom(roomId);
      if (room && type === "m.room.member") loader.miss(room);
      const events = room?.currentState.events.get(type);
      return events ? Array.from(events.values(), stateEvent) : none;
    },

    stickyEvents: (roomId) => sticky.in(roomId),
  };
}
