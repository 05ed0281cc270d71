// Call: joins, over LiveKit, or over a mesh if the homeserver names no SFU. Both give the same participants.
import E2eeWorker from "livekit-client/e2ee-worker?worker";
import { type JoinState, type Matrix, RtcError, type RtcSession } from "matrixrtc-rx";
import {
  livekitCall,
  livekitRooms,
  livekitTransport,
  type LivekitBackend,
  type LivekitParticipant,
} from "matrixrtc-rx/livekit";
import type { CallProblem, MediaParticipant } from "matrixrtc-rx/media";
import { fullMesh, meshTransport } from "matrixrtc-rx/webrtc";
import { catchError, map, type Observable, of, throwError } from "rxjs";
import type { Devices } from "./devices.ts";
import type { Link } from "./link.ts";

export interface CallOptions {
  readonly matrix: Matrix & LivekitBackend;
  readonly session: RtcSession;
  readonly devices: Devices;
  readonly link: Pick<Link, "mode" | "camera">;
  readonly leaveOn: Observable<unknown>;
}

export interface Call {
  /** Joins while subscribed to; completes once we have left. */
  readonly state$: Observable<JoinState>;
  readonly participants$: Observable<readonly (MediaParticipant & Partial<Pick<LivekitParticipant, "show">>)[]>;
  readonly problems$: Observable<readonly CallProblem[]>;
}

/** Finds out how the media travels, and emits the call. */
export function callOf({ matrix, session, devices, link, leaveOn }: CallOptions): Observable<Call> {
  const intent = devices.camera$.pipe(map((on) => (on ? "video" : "audio")));
  const join = { mode: link.mode, intent, leaveOn };
  const { media$: media, failures$ } = devices.own;
  // A slow machine, which chooses its camera, sends one layer.
  const rooms = livekitRooms({
    worker: () => new E2eeWorker(),
    ...(link.camera && { room: { dynacast: false, publishDefaults: { simulcast: false } } }),
  });
  // A page of this machine may connect to the other servers of this machine, which members name.
  const allowInsecure = location.hostname === "127.0.0.1";
  const options = { rooms, media, deviceFailures: failures$, join, allowInsecure };
  return livekitTransport(matrix).pipe(
    map((transport) => livekitCall(matrix, session, { transport, ...options })),
    catchError((error: unknown) => {
      if (!(error instanceof RtcError) || error.code !== "no-transport") return throwError(() => error);
      const state$ = session.join({ ...join, transports: [meshTransport], keys: { enabled: false } });
      return of({ ...fullMesh(matrix, session, { join: state$, media }), state$, problems$: of([]) });
    }),
  );
}
