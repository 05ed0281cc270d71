// LivekitCall: a call over LiveKit as a whole: joining it, and its media. docs/media.md.
import {
  connect,
  distinctUntilChanged,
  endWith,
  ignoreElements,
  map,
  merge,
  type Observable,
  Subject,
  take,
  takeUntil,
  tap,
} from "rxjs";
import type { EncryptedJoinOptions } from "../encryption/join-with-keys.ts";
import type { JoinState } from "../join/join-state.ts";
import type { Matrix } from "../matrix.ts";
import { sentIntent } from "../media/media-inputs.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { EncryptedSession } from "../encryption/encrypted-session.ts";
import type { Transport } from "../types.ts";
import type { LivekitBackend } from "./backend.ts";
import { livekitTransport } from "./discovery.ts";
import { type LivekitMedia, livekitMedia } from "./livekit-media.ts";
import type { LivekitMediaOptions } from "./options.ts";
import { transportKey } from "./transport-key.ts";
import { sharedStreamOf } from "../rx/stream-of.ts";

/** How to be in a call over LiveKit. */
export interface LivekitCallOptions<Track = MediaStreamTrack>
  extends Omit<LivekitMediaOptions<Track>, "join" | "followOldest" | "encrypted"> {
  /**
   * As for `session.join`. The transports are those of this call. Default intent: `video` while we send pictures, or else `audio`;
   * joining waits up to 2 s for the first value of `media`.
   */
  readonly join?: Omit<EncryptedJoinOptions, "transports">;
}

/** A call over LiveKit. */
export interface LivekitCall<Track = MediaStreamTrack> extends LivekitMedia<Track> {
  /**
   * Our membership. Subscribing joins and connects, and unsubscribing leaves; it completes once a leave by `leaveOn` is confirmed, and
   * fails as `session.join` does, and with `no-transport` if there is no SFU to publish on.
   */
  readonly state$: Observable<JoinState>;
}

/**
 * A call over LiveKit: subscribe to `state$` to join it, and to `participants$` for the tiles.
 *
 * Our membership follows our media: it names the transport on which we publish, and the intent `video` while we send
 * pictures. A change of our transport writes it once, after we publish there.
 *
 * @param matrix The client, for instance `fromMatrixClient(client)`.
 * @param session The session of `encryptedSession` of `matrixrtc-rx/encryption`. Its keys encrypt the media.
 * @throws RtcError `bad-argument` for options that are wrong.
 * @example
 * ```ts
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { livekitCall, type SfuRooms } from "matrixrtc-rx/livekit";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 * import { Subject } from "rxjs";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 * const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
 * const hangUp$ = new Subject<void>();
 *
 * const rooms: SfuRooms = () => ({}) as never; // in a browser: livekitRooms({ worker: () => new E2eeWorker() })
 * const call = livekitCall(matrix, session, { rooms, join: { leaveOn: hangUp$ } });
 * // call.state$.subscribe(…), and call.participants$.subscribe(…)
 * console.assert(call.problems$.value.length === 0);
 * ```
 */
export function livekitCall<Track = MediaStreamTrack>(
  matrix: Matrix & LivekitBackend,
  session: EncryptedSession,
  options: LivekitCallOptions<Track>,
): LivekitCall<Track> {
  const { join = {}, transport, media = {} } = options;
  const found$ = transport ?? livekitTransport(matrix, { allowInsecure: options.allowInsecure });
  const transport$ = sharedStreamOf<Transport>(found$);
  const media$ = sharedStreamOf<OutgoingMedia<Track>>(media);
  // The membership names the transport on which the media is. The media layer knows it, and needs the join to know who we are.
  const announced$ = new Subject<Transport>();
  const isLegacy = join.mode === "legacy";
  const transports$ = (
    isLegacy ? transport$.pipe(take(1)) : merge(transport$.pipe(takeUntil(announced$)), announced$)
  ).pipe(
    distinctUntilChanged((a, b) => transportKey(a) === transportKey(b)),
    map((one) => [one]),
  );
  const joined$ = session.join({
    intent: sentIntent(media$),
    ...join,
    transports: transports$,
  });
  const enabled = join.keys?.enabled;
  const layer = livekitMedia<Track>(matrix, session, {
    ...options,
    media: media$,
    transport: transport$,
    join: joined$,
    followOldest: isLegacy,
    ...(enabled !== undefined && { encrypted: enabled }),
  });
  const announcing$ = layer.announcedTransport$.pipe(
    tap((one) => one && announced$.next(one)),
    ignoreElements(),
  );
  const state$ = joined$.pipe(
    connect((states$) => {
      const end$ = states$.pipe(ignoreElements(), endWith(undefined));
      return merge(states$, announcing$.pipe(takeUntil(end$)));
    }),
  );
  return { ...layer, state$ };
}
