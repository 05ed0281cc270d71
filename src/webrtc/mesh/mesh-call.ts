// MeshCall: a call over a mesh as a whole: joining it, its media, and what is wrong. docs/mesh.md.
import { type Observable, of } from "rxjs";
import type { JoinOptions } from "../../join/options.ts";
import type { JoinState } from "../../join/join-state.ts";
import type { Matrix } from "../../matrix.ts";
import type { CallProblem } from "../../media/call-problem.ts";
import type { DeviceFailure } from "../../media/device-failure.ts";
import { sentIntent } from "../../media/media-inputs.ts";
import type { Behavior } from "../../rx/behavior.ts";
import type { RtcSession } from "../../session.ts";
import { fullMesh, type FullMesh } from "./full-mesh.ts";
import { meshProblems } from "./mesh-problems.ts";
import type { MeshOptions, NamedMeshOptions } from "./options.ts";
import { StayName } from "./stay-name.ts";
import { sharedStreamOf } from "../../rx/stream-of.ts";

/** How to be in a call over a mesh. */
export interface MeshCallOptions extends Omit<MeshOptions, "join"> {
  /**
   * As for `session.join`. The transport is the mesh, which is encrypted without media keys. Default intent: `video` while we
   * send pictures, or else `audio`; joining waits up to 2 s for the first value of `media`.
   */
  readonly join?: Omit<JoinOptions, "transports" | "keys">;
  /** Devices that cannot be used, to be among the problems: `failures$` of `ownDevices`. Default: none. */
  readonly deviceFailures?: Observable<readonly DeviceFailure[]>;
}

/** A call over a mesh. It has the streams of a `LivekitCall`, so that one UI shows both. */
export interface MeshCall extends FullMesh {
  /**
   * Our membership. Subscribing joins, and unsubscribing leaves; it completes once a leave by `leaveOn` is confirmed, and fails
   * as `session.join` does.
   */
  readonly state$: Observable<JoinState>;
  /** Everything that is wrong now, most severe first. */
  readonly problems$: Behavior<readonly CallProblem[]>;
}

/**
 * A call over a mesh: subscribe to `state$` to join it, and to `participants$` for the tiles. For a call whose members have no
 * SFU, for instance because `livekitTransport` failed with `no-transport`.
 *
 * @param matrix The client, for instance `fromMatrixClient(client)`.
 * @param session The session of `rtcSession`. One of `encryptedSession` exchanges no keys here.
 * @throws RtcError As `fullMesh` does.
 * @example
 * ```ts
 * import { rtcSession } from "matrixrtc-rx";
 * import { virtualHomeserver, virtualPeers } from "matrixrtc-rx/testing";
 * import { meshCall } from "matrixrtc-rx/webrtc";
 * import { Subject } from "rxjs";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 * const session = rtcSession(matrix, { roomId, slot: "m.call#ROOM" });
 * const hangUp$ = new Subject<void>();
 *
 * const peers = virtualPeers().device("PHONE"); // in a browser: without `peers`
 * const call = meshCall(matrix, session, { peers, join: { leaveOn: hangUp$ } });
 * // call.state$.subscribe(…), and call.participants$.subscribe(…)
 * console.assert(call.problems$.value.length === 0);
 * ```
 */
export function meshCall(
  matrix: Matrix,
  session: RtcSession,
  { join = {}, media = {}, deviceFailures = of([]), ...others }: MeshCallOptions,
): MeshCall {
  const media$ = sharedStreamOf(media);
  const name = new StayName();
  const state$ = session.join({
    intent: sentIntent(media$),
    ...join,
    transports: name.transports$,
    keys: { enabled: false },
  });
  const named: NamedMeshOptions = { ...others, media: media$, join: state$, name };
  const mesh = fullMesh(matrix, session, named);
  const { participants$ } = mesh;
  return { ...mesh, state$, problems$: meshProblems({ state$, participants$, deviceFailures$: deviceFailures }) };
}
