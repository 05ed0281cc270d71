// A room on a virtual homeserver that is easy to draw: 2 ms each way, 3 ms per sync. Alice made it, Bob is in it.
import { map, type Observable } from "rxjs";
import { matrixRoom, type MatrixRoom, type RoomMessage, type RoomOptions } from "../../../src/room/index.ts";
import { type RoomOptions as VirtualRoomOptions, virtualHomeserver } from "../../../src/testing/index.ts";

export const alice = "@alice:example.org";
export const bob = "@bob:example.org";
export const carl = "@carl:example.org";

export function scene(options: Partial<VirtualRoomOptions> & { readonly room?: RoomOptions } = {}) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3 });
  const roomId = home.createRoom({ members: [alice, bob], ...options });
  const matrix = home.client(alice, "A");
  const bobsMatrix = home.client(bob, "B");
  const setState = (type: string, content: object, stateKey = "", sender = alice) =>
    home.setState(roomId, { type, sender, stateKey, content });
  return {
    home,
    roomId,
    matrix,
    bobsMatrix,
    room: matrixRoom(matrix, roomId, options.room),
    bobs: matrixRoom(bobsMatrix, roomId, options.room),
    setState,
    setMember: (userId: string, content: object) => setState("m.room.member", content, userId, userId),
    say: (body: string, sender = bob, more: object = {}) =>
      home.sendEvent(roomId, { type: "m.room.message", sender, content: { msgtype: "m.text", body, ...more } }),
    react: (target: string, key: string, sender = bob) =>
      home.sendEvent(roomId, {
        type: "m.reaction",
        sender,
        content: { "m.relates_to": { rel_type: "m.annotation", event_id: target, key } },
      }),
  };
}

/** Messages in words: what they say, or what has become of them. */
export const wordOf = (message: RoomMessage): string =>
  message.status === "readable" ? message.content.body : message.status;

export const words = ({ messages$ }: MatrixRoom): Observable<string> =>
  messages$.pipe(map((messages) => messages.map(wordOf).join("|")));
