// Call: our membership, our media, and everybody else's, for as long as it is subscribed to.
import type { JoinState, Membership, RtcSession } from "matrixrtc-rx";
import { type LivekitBackend, livekitTransport, type LivekitTransport, sfuToken } from "matrixrtc-rx/livekit";
import {
  combineLatest,
  connect,
  defer,
  distinctUntilChanged,
  endWith,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  retry,
  shareReplay,
  switchMap,
  takeUntil,
  tap,
} from "rxjs";
import { connection } from "./connection.ts";
import type { Link } from "./link.ts";
import type { Mark } from "./marks.ts";
import { connections, type Connections, type Place, placesOf } from "./media.ts";
import { publishing, type Wanted } from "./publishing.ts";

export interface CallOptions {
  readonly session: RtcSession;
  readonly backend: LivekitBackend;
  /** Which of our devices are on. */
  readonly wanted: Wanted;
  readonly link: Pick<Link, "mode" | "camera">;
  readonly leaveOn: Observable<unknown>;
  readonly mark: (name: Mark) => void;
}

export interface Call {
  readonly state: JoinState;
  readonly members: readonly Membership[];
  readonly rooms: Connections;
}

type Own = JoinState["member"];

const reconnectMs = 2_000;

/** Joins; completes once we have left. */
export function call(options: CallOptions): Observable<Call> {
  const { session, backend, wanted, link, leaveOn, mark } = options;
  return defer(() => {
    mark("join");
    const transport$ = livekitTransport(backend).pipe(shareReplay({ bufferSize: 1, refCount: true }));
    const state$ = session.join({
      mode: link.mode,
      transports: transport$.pipe(map((transport) => [transport])),
      intent: wanted.camera$.pipe(map((on) => (on ? "video" : "audio"))),
      leaveOn,
    });
    return state$.pipe(
      tap(({ status }) => status === "joined" && mark("homeserver")),
      connect((joining$) =>
        combineLatest({
          state: joining$,
          members: session.membership$,
          rooms: combineLatest([transport$, joining$.pipe(map(activeMember), distinctUntilChanged())]).pipe(
            switchMap(([transport, own]) => (own ? roomsOf(options, transport, own) : of<Connections>(new Map()))),
          ),
        }).pipe(takeUntil(joining$.pipe(ignoreElements(), endWith(undefined)))),
      ),
    );
  });
}

/** Media stops as soon as we begin to leave. */
const activeMember = (state: JoinState): Own | undefined => (state.status === "leaving" ? undefined : state.member);

/** Where we publish, and where others do. */
function roomsOf(options: CallOptions, transport: LivekitTransport, own: Own): Observable<Connections> {
  return options.session.membership$.pipe(
    map((members) => placesOf(own, transport.livekit_service_url, members)),
    connections((place) => roomAt(options, place, own)),
  );
}

/** A LiveKit room, connected again with a new token when it is lost. */
function roomAt(options: CallOptions, { url, purpose }: Place, member: Own) {
  const { session, backend, wanted, link, mark } = options;
  const { encryptionKey$, decryption } = session;
  const transport = { type: "livekit", livekit_service_url: url };
  const room$ = sfuToken(backend, { transport, roomId: session.roomId, slot: session.slot, member, purpose }).pipe(
    tap(() => purpose === "publish" && mark("token")),
    switchMap((token) => connection(token, { encryptionKey$, decryption, camera: link.camera })),
    retry({ delay: reconnectMs }),
  );
  if (purpose === "subscribe") return room$;
  return room$.pipe(
    tap(() => mark("sfu")),
    switchMap((room) => merge(of(room), publishing(room, wanted))),
  );
}
