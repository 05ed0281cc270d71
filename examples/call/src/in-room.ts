// InRoom: what the lobby and the call are made of: a session, the room around it, our devices, and two buttons.
import type { MatrixClient } from "matrix-js-sdk";
import { encryptedSession } from "matrixrtc-rx/encryption";
import type { MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { type AvailableDevices, ownDevices } from "matrixrtc-rx/media";
import { matrixRoom } from "matrixrtc-rx/room";
import { combineLatest, fromEvent, map } from "rxjs";
import { chosen } from "./device-lists.ts";
import { link } from "./link.ts";
import { facesIn } from "./room/faces.ts";
import { part, pressed } from "./view.ts";

export type InRoom = ReturnType<typeof inRoom>;

export function inRoom(page: HTMLElement, client: MatrixClient, matrix: MatrixClientPort, roomId: string) {
  const room = matrixRoom(matrix, roomId);
  const isOn$ = (device: string) => pressed(part(page, `[name=${device}]`));
  const wish$ = (device: string, list: keyof AvailableDevices, size = {}) =>
    combineLatest([isOn$(device), chosen(page, list)]).pipe(
      map(([isOn, id]) => isOn && { ...size, ...(id && { deviceId: { exact: id } }) }),
    );
  return {
    matrix,
    room,
    session: encryptedSession(matrix, { roomId, slot: "m.call#ROOM" }),
    devices: ownDevices({
      microphone: wish$("microphone", "microphones"),
      camera: wish$("camera", "cameras", link.camera),
      screen_share: isOn$("screen_share"),
    }),
    output$: chosen(page, "speakers"),
    faces: facesIn(client, room),
    nameOf: (userId: string) => room.profile$(userId).value.name,
    joinOn: fromEvent(part(page, ".join"), "click"),
    leaveOn: fromEvent(part(page, ".leave"), "click"),
  };
}
