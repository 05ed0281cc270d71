// Call: over LiveKit, or over a mesh if the homeserver names no SFU. Both have the same participants and problems.
import E2eeWorker from "livekit-client/e2ee-worker?worker";
import { RtcError } from "matrixrtc-rx";
import { livekitCall, livekitRooms, livekitTransport } from "matrixrtc-rx/livekit";
import { type MeshCall, meshCall } from "matrixrtc-rx/webrtc";
import { catchError, map, type Observable, of } from "rxjs";
import { link } from "./link.ts";
import type { InRoom } from "./in-room.ts";

type Call = Pick<MeshCall, "state$" | "participants$" | "problems$"> & { readonly isMesh: boolean };

/** Finds out how the media travels, and emits the call. */
export function callOf({ matrix, session, devices, leaveOn }: InRoom): Observable<Call> {
  const { media$: media, failures$: deviceFailures } = devices;
  const options = { media, deviceFailures, join: { mode: link.mode, leaveOn } };
  // A slow machine, which chooses its camera, sends one layer.
  const room = link.camera ? { dynacast: false, publishDefaults: { simulcast: false } } : {};
  const rooms = livekitRooms({ worker: () => new E2eeWorker(), room });
  // A page of this machine may connect to the other servers of this machine, which members name.
  const allowInsecure = location.hostname === "127.0.0.1";
  return livekitTransport(matrix).pipe(
    map((transport) => ({
      isMesh: false,
      ...livekitCall(matrix, session, { ...options, rooms, transport, allowInsecure }),
    })),
    catchError((error: unknown) => {
      if (error instanceof RtcError && error.code === "no-transport")
        return of({ isMesh: true, ...meshCall(matrix, session, options) });
      throw error;
    }),
  );
}
