// EnterRoom: how we come to be in an encrypted room: a new one, or the one that the link names.
import { type MatrixClient, Preset } from "matrix-js-sdk";
import type { Matrix } from "matrixrtc-rx";
import { callRoom } from "matrixrtc-rx/js-sdk";
import { matrixRoom } from "matrixrtc-rx/room";
import { combineLatest, defer, filter, map, type Observable, switchMap, take, tap } from "rxjs";
import { link, showLink } from "./link.ts";
import { main, submitted, view, waiting } from "./view.ts";

/** Emits the id of the room once we are in it and it is encrypted: other rooms get no calls. */
export const enterRoom = (client: MatrixClient, matrix: Matrix): Observable<string> =>
  (link.roomId ? linkedRoom(client, link.roomId) : newRoom(client)).pipe(
    take(1),
    tap((roomId) => showLink(client.baseUrl, roomId, client.getDomain() ?? "")),
    switchMap((roomId) => {
      const room = matrixRoom(matrix, roomId, { awaitRoom: true });
      return combineLatest([room.state$("m.room.member", matrix.userId), room.state$("m.room.encryption")]).pipe(
        filter(([member, encryption]) => member?.membership === "join" && encryption !== undefined),
        map(() => roomId),
        take(1),
        waiting("Waiting for the room to be encrypted. Other rooms have no calls."),
      );
    }),
  );

const linkedRoom = (client: MatrixClient, roomId: string) =>
  defer(() => client.joinRoom(roomId, { viaServers: link.viaServers })).pipe(
    map((room) => room.roomId),
    waiting("Entering the room…"),
  );

const newRoom = (client: MatrixClient) =>
  view("new-room", main, (form) =>
    submitted(form, ({ name = "" }) => client.createRoom({ name, preset: Preset.PublicChat, ...callRoom() })),
  ).pipe(map((room) => room.room_id));
