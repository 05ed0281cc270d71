// LivekitMedia: the media of a call over LiveKit: connections to each SFU, and one item for each member. docs/media.md.
import { type Observable, Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import type { Matrix } from "../matrix.ts";
import type { CallProblem } from "../media/call-problem.ts";
import { behavior, type Behavior } from "../rx/behavior.ts";
import { whileSubscribed } from "../rx/running.ts";
import type { Transport } from "../types.ts";
import type { LivekitBackend } from "./backend.ts";
import { LivekitRun, type LivekitSession } from "./livekit-run.ts";
import type { LivekitParticipant } from "./livekit-participant.ts";
import { type LivekitMediaOptions, resolveLivekitOptions } from "./options.ts";
import type { SfuConnection } from "./sfu-status.ts";
import { Tiles } from "./tiles.ts";
import type { LivekitTrace } from "./trace.ts";

/**
 * The media of a call over LiveKit. All streams share one set of connections: the first subscriber connects, and the last
 * one to unsubscribe disconnects and releases everything. They never fail, and never complete.
 *
 * @typeParam Track What plays a track: a `MediaStreamTrack` in browsers.
 */
export interface LivekitMedia<Track = MediaStreamTrack> {
  /**
   * The members of the call with their media, ourselves included, in the order of `membership$`. A member that did not
   * change is the same object. Empty while we are not in the call. A participant of an SFU that is no member is never
   * among them.
   */
  readonly participants$: Behavior<readonly LivekitParticipant<Track>[]>;
  /** The connections to SFUs, and why one is not there. */
  readonly connections$: Behavior<readonly SfuConnection[]>;
  /** Everything that is wrong now, most severe first. */
  readonly problems$: Behavior<readonly CallProblem[]>;
  /**
   * The transport that our membership should name: where our media is, or else where it will be. While our transport
   * changes, it is the old one until we publish on the new one. `livekitCall` gives it to `join`.
   */
  readonly announcedTransport$: Behavior<Transport | undefined>;
  /** Every decision from now on. Subscribing starts no work. */
  readonly trace$: Observable<LivekitTrace>;
}

/**
 * The media of a call that is joined elsewhere: give it what `session.join` returned. `livekitCall` joins by itself.
 *
 * It connects to the SFU that we publish on, and to those of the other members. A track is received once it can be
 * decrypted. protocol.md 6.
 *
 * @param matrix The client, for instance `fromMatrixClient(client)`.
 * @param session The session of `encryptedSession` of `matrixrtc-rx/encryption`. Its keys encrypt the media.
 * @throws RtcError `bad-argument` for options that are wrong.
 * @example
 * ```ts
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { livekitMedia, type SfuRooms } from "matrixrtc-rx/livekit";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 * const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
 *
 * const rooms: SfuRooms = () => ({}) as never; // in a browser: livekitRooms({ worker: () => new E2eeWorker() })
 * const media = livekitMedia(matrix, session, { join: session.join(), rooms });
 * console.assert(media.participants$.value.length === 0);
 * ```
 */
export function livekitMedia<Track = MediaStreamTrack>(
  matrix: Matrix & LivekitBackend,
  session: LivekitSession,
  options: LivekitMediaOptions<Track>,
): LivekitMedia<Track> {
  // Without keys, media would be sent in the clear.
  if (!session.encryptionKey$)
    throw new RtcError("bad-argument", "session must come from encryptedSession: rtcSession has no media keys");
  const resolved = resolveLivekitOptions(options);
  const trace$ = new Subject<LivekitTrace>();
  // Tiles may say how they show a member before anybody listens.
  const tiles = new Tiles();
  const call = whileSubscribed(() => new LivekitRun(matrix, session, resolved, tiles, trace$));
  return {
    participants$: behavior(() => call.run?.participants ?? none, call.running$),
    connections$: behavior(() => call.run?.connections ?? none, call.running$),
    problems$: behavior(() => call.run?.problems ?? none, call.running$),
    announcedTransport$: behavior(() => call.run?.announced, call.running$),
    trace$: trace$.asObservable(),
  };
}

const none: readonly never[] = [];
