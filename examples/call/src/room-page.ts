// RoomPage: the page of a room: the lobby before the call, then the call, then the lobby again.
import type { MatrixClient } from "matrix-js-sdk";
import { rtcSession } from "matrixrtc-rx";
import type { MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { ownDevices } from "matrixrtc-rx/media";
import { matrixRoom } from "matrixrtc-rx/room";
import { catchError, concat, defer, EMPTY, exhaustMap, fromEvent, map, merge, repeat, tap } from "rxjs";
import { callPage } from "./call-page.ts";
import { copyLink, link } from "./link.ts";
import { lobby } from "./lobby.ts";
import { facesIn } from "./room/faces.ts";
import { bind, main, part, pressed, view } from "./view.ts";
import { reasonOf } from "./words.ts";

/** Holds the room id while we are in its call, so that a reload leads back into the call. */
const storageKey = "matrixrtc-rx in call";

/** What the lobby and the call are made of. */
export type InRoom = ReturnType<typeof inRoom>;

const inRoom = (page: HTMLElement, client: MatrixClient, matrix: MatrixClientPort, roomId: string) => {
  const room = matrixRoom(matrix, roomId);
  const isOn$ = (device: string) => pressed(part(page, `[name=${device}]`));
  return {
    matrix,
    room,
    session: rtcSession(matrix, { roomId, slot: "m.call#ROOM" }),
    devices: ownDevices({
      microphone: isOn$("microphone"),
      camera: isOn$("camera").pipe(map((isOn) => isOn && (link.camera ?? true))),
      screen_share: isOn$("screen_share"),
    }),
    faces: facesIn(client, room),
    nameOf: (userId: string) => room.profile$(userId).value.name,
    joinOn: fromEvent(part(page, ".join"), "click"),
    leaveOn: fromEvent(part(page, ".leave"), "click"),
  };
};

export const roomPage = (client: MatrixClient, matrix: MatrixClientPort, roomId: string) =>
  view("room", main, (page) => {
    const own = inRoom(page, client, matrix, roomId);
    const [problem, content, copy] = [part(page, ".problem"), part(page, ".content"), part(page, ".copy")];
    const lobby$ = defer(() => (sessionStorage.getItem(storageKey) === roomId ? EMPTY : lobby(content, own)));
    const call$ = defer(() => {
      sessionStorage.setItem(storageKey, roomId);
      problem.textContent = "";
      return callPage(content, own);
    }).pipe(
      catchError((error: unknown) => {
        problem.textContent = reasonOf(error);
        return EMPTY;
      }),
      tap({ complete: () => sessionStorage.removeItem(storageKey) }),
    );
    const copied$ = fromEvent(copy, "click").pipe(exhaustMap(copyLink));
    return merge(
      concat(lobby$, call$).pipe(repeat()),
      bind(part(page, "h1"), "textContent", own.room.name$),
      bind(copy, "textContent", copied$),
      // Names are at hand while the members are followed, and the devices stay open from the lobby to the call.
      own.room.members$,
      own.devices.media$,
    );
  });
