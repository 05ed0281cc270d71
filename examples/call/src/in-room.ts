// InRoom: what the lobby and the call are made of: a session, the room around it, our devices, and two buttons.
import type { MatrixClient } from "matrix-js-sdk";
import { encryptedSession } from "matrixrtc-rx/encryption";
import type { MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { ownDevices } from "matrixrtc-rx/media";
import { matrixRoom } from "matrixrtc-rx/room";
import { fromEvent, map } from "rxjs";
import { link } from "./link.ts";
import { facesIn } from "./room/faces.ts";
import { part, pressed } from "./view.ts";

export type InRoom = ReturnType<typeof inRoom>;

export function inRoom(page: HTMLElement, client: MatrixClient, matrix: MatrixClientPort, roomId: string) {
  const room = matrixRoom(matrix, roomId);
  const isOn$ = (device: string) => pressed(part(page, `[name=${device}]`));
  return {
    matrix,
    room,
    session: encryptedSession(matrix, { roomId, slot: "m.call#ROOM" }),
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
}
