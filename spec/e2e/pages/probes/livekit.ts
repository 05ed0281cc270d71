// Replaces matrixrtc-rx/livekit in the call app: the same, and it notes rooms, tokens and connections.
import { RoomEvent, type Room } from "livekit-client";
import type { RtcSession } from "matrixrtc-rx";
import * as livekit from "matrixrtc-rx/livekit";
import { type Observable, tap, using } from "rxjs";
import { mark, noteRoom } from "./inspection.ts";

export * from "matrixrtc-rx/livekit";

export const sfuToken: typeof livekit.sfuToken = (backend, request) =>
  livekit.sfuToken(backend, request).pipe(tap(() => request.purpose !== "subscribe" && mark("token")));

export const followRoom = (session: Pick<RtcSession, "decryption">, room: Room): Observable<never> =>
  using(
    () => {
      room.once(RoomEvent.Connected, () => mark("sfu"));
      return noteRoom(room);
    },
    () => livekit.followRoom(session, room),
  );
