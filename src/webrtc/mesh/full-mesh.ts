// FullMesh: the members of a call connected with each other, one peer connection for each pair. protocol.md 10.5.
import { type Observable, Subject } from "rxjs";
import { RtcError } from "../../errors.ts";
import type { MediaParticipant } from "../../media/participant.ts";
import type { Matrix } from "../../matrix.ts";
import { behavior, type Behavior } from "../../rx/behavior.ts";
import { whileSubscribed } from "../../rx/running.ts";
import type { WatchedSession } from "../../watch.ts";
import { type MeshOptions, resolveMeshOptions } from "./options.ts";
import { MeshRun } from "./mesh-run.ts";
import type { MeshTrace } from "./trace.ts";

/** The media of a call without a server for media. */
export interface FullMesh {
  /**
   * The members of the call with their media, ourselves included, in the order of `membership$`. Subscribing connects,
   * and the last one to unsubscribe disconnects. Empty while nobody is subscribed.
   */
  readonly participants$: Behavior<readonly MediaParticipant[]>;
  /** Every decision from now on. Subscribing starts no work. */
  readonly trace$: Observable<MeshTrace>;
}

/**
 * Connects the members of a call that publish `meshTransport` with each other. What they say to each other about it
 * travels from device to device, encrypted with Olm, so that the media is end-to-end encrypted by DTLS-SRTP.
 *
 * A pair is made when its other member is in the call, cut when that member leaves, and made again for as long as it
 * stays: after 1, 2, 4, 8, 16, 30 s, and so on.
 *
 * Source: protocol.md 10.5.
 *
 * @throws RtcError `bad-argument` for options that are wrong, `unsupported` where there is no `RTCPeerConnection`,
 *   and for `requireCrossSigned` with a port without `isCrossSigned`.
 * @example
 * ```ts
 * import { rtcSession } from "matrixrtc-rx";
 * import { virtualHomeserver, virtualPeers } from "matrixrtc-rx/testing";
 * import { fullMesh, meshTransport } from "matrixrtc-rx/webrtc";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 * const session = rtcSession(matrix, { roomId, slot: "m.call#ROOM" });
 *
 * const join = session.join({ transports: [meshTransport] });
 * const mesh = fullMesh(matrix, session, { join, peers: virtualPeers().device("PHONE") }); // in a browser: without `peers`
 * const subscription = mesh.participants$.subscribe();
 * console.assert(mesh.participants$.value.length === 0);
 * subscription.unsubscribe();
 * ```
 */
export function fullMesh(
  matrix: Matrix,
  session: Pick<WatchedSession, "roomId" | "slot" | "membership$">,
  options: MeshOptions,
): FullMesh {
  const resolved = resolveMeshOptions(options);
  if (resolved.requireCrossSigned && !matrix.isCrossSigned)
    throw new RtcError("unsupported", "requireCrossSigned needs a port with isCrossSigned");
  const trace$ = new Subject<MeshTrace>();
  const call = whileSubscribed(() => new MeshRun(matrix, session, resolved, trace$));
  return {
    participants$: behavior(() => call.run?.participants ?? none, call.running$),
    trace$: trace$.asObservable(),
  };
}

const none: readonly never[] = [];
