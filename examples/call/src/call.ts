// Call: our membership, our media, and the media of the others, for as long as it is subscribed to.
import type { JoinState, Membership, RtcSession } from "matrixrtc-rx";
import { type LivekitBackend, livekitTransport, type LivekitTransport, sfuToken } from "matrixrtc-rx/livekit";
import {
  combineLatest,
  connect,
  defer,
  distinctUntilChanged,
  fromEvent,
  map,
  merge,
  type Observable,
  of,
  race,
  retry,
  shareReplay,
  switchMap,
  timer,
} from "rxjs";
import { connection } from "./connection.ts";
import { type Devices, publish } from "./devices.ts";
import type { Link } from "./link.ts";
import { connections, type Connections, type Sfu, sfusOf } from "./media.ts";
import { takeUntilCompleted } from "./take-until-completed.ts";

export interface CallOptions {
  readonly session: RtcSession;
  readonly backend: LivekitBackend;
  readonly devices: Devices;
  readonly link: Pick<Link, "mode" | "camera">;
  readonly leaveOn: Observable<unknown>;
}

export interface Call {
  readonly state: JoinState;
  readonly members: readonly Membership[];
  readonly rooms: Connections;
}

type Own = JoinState["member"];

const firstWaitMs = 2_000;
const maxWaitMs = 60_000;

/** Joins; completes once we have left. */
export function call(options: CallOptions): Observable<Call> {
  const { session, backend, devices, link, leaveOn } = options;
  return defer(() => {
    const transport$ = livekitTransport(backend).pipe(shareReplay({ bufferSize: 1, refCount: true }));
    const state$ = session.join({
      mode: link.mode,
      transports: transport$.pipe(map((transport) => [transport])),
      intent: devices.camera$.pipe(map((on) => (on ? "video" : "audio"))),
      leaveOn,
    });
    return state$.pipe(
      connect((joining$) =>
        combineLatest({
          state: joining$,
          members: session.membership$,
          rooms: combineLatest([transport$, joining$.pipe(map(activeMember), distinctUntilChanged())]).pipe(
            switchMap(([transport, own]) => (own ? roomsOf(options, transport, own) : of<Connections>(new Map()))),
          ),
        }).pipe(takeUntilCompleted(joining$)),
      ),
    );
  });
}

/** Media stops as soon as we begin to leave. */
const activeMember = (state: JoinState): Own | undefined => (state.status === "leaving" ? undefined : state.member);

/** Where we publish, and where others do. */
function roomsOf(options: CallOptions, transport: LivekitTransport, own: Own): Observable<Connections> {
  return options.session.membership$.pipe(
    map((members) => sfusOf(own, transport.livekit_service_url, members)),
    connections((sfu) => roomAt(options, sfu, own)),
  );
}

/** A LiveKit room, connected again with a new token when it is lost. */
function roomAt(options: CallOptions, { url, purpose }: Sfu, member: Own) {
  const { session, backend, devices, link } = options;
  const transport = { type: "livekit", livekit_service_url: url };
  const room$ = sfuToken(backend, { transport, roomId: session.roomId, slot: session.slot, member, purpose }).pipe(
    switchMap((token) => connection(token, { session, camera: link.camera })),
    retry({ delay: (_, count) => nextTry(count), resetOnSuccess: true }),
  );
  if (purpose === "subscribe") return room$;
  return room$.pipe(switchMap((room) => merge(of(room), publish(room, devices))));
}

/** Waits longer each time, but not when the network comes back. */
const nextTry = (count: number): Observable<unknown> =>
  race(timer(Math.min(firstWaitMs * 2 ** (count - 1), maxWaitMs)), fromEvent(window, "online"));
