// MeshOptions: how to take part in a mesh, with defaults.
import { isObservable, type Observable } from "rxjs";
import { RtcError } from "../../errors.ts";
import type { JoinState } from "../../join/join-state.ts";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import { browserPeer } from "../browser.ts";
import type { PeerConnections } from "../peer-connection.ts";
import type { StayName } from "./stay-name.ts";
import { streamOf } from "../../rx/stream-of.ts";

/** How to take part in a mesh. */
export interface MeshOptions {
  /** What `session.join` returned. The mesh subscribes to it, and has connections while we are joined. */
  readonly join: Observable<JoinState>;
  /**
   * What we send: a value, or a stream of values. A stream that fails counts as nothing to send, and so does one that
   * needs longer than 2 s for its first value: then we begin by receiving. Default: nothing.
   */
  readonly media?: OutgoingMedia | Observable<OutgoingMedia>;
  /**
   * How many members the mesh carries, ourselves included: the oldest ones. Every member sends its media once for each
   * other one. All members of a call must use the same limit. Default 8.
   */
  readonly limit?: number;
  /** Connect through the relay servers of the homeserver only, so that the others do not learn our addresses. Default false. */
  readonly relayOnly?: boolean;
  /**
   * Connect only with devices that their owners have cross-signed, in both directions. Needs a port with `isCrossSigned`.
   * Default false.
   */
  readonly requireCrossSigned?: boolean;
  /** Makes the peer connections. Default: those of the browser. */
  readonly peers?: PeerConnections;
}

/** For a stay that we have named: then pairs are made before the room shows us. */
export interface NamedMeshOptions extends MeshOptions {
  readonly name?: StayName;
}

export interface ResolvedMeshOptions {
  /** Absent if the app joins by itself. */
  readonly name: StayName | undefined;
  readonly join: Observable<JoinState>;
  readonly media$: Observable<OutgoingMedia>;
  readonly limit: number;
  readonly relayOnly: boolean;
  readonly requireCrossSigned: boolean;
  readonly peers: PeerConnections;
}

/** Fills in the defaults. @throws RtcError `bad-argument`; `unsupported` where there are no peer connections. */
export function resolveMeshOptions(options: NamedMeshOptions): ResolvedMeshOptions {
  const { join, media = {}, limit = 8, relayOnly = false, requireCrossSigned = false, peers, name } = options;
  if (!isObservable(join)) throw new RtcError("bad-argument", "join must be the stream that session.join returned");
  if (!Number.isInteger(limit) || limit < 2)
    throw new RtcError("bad-argument", "limit must be a whole number, 2 or more");
  if (!peers && globalThis.RTCPeerConnection === undefined)
    throw new RtcError("unsupported", "a mesh needs RTCPeerConnection, which browsers have");
  return {
    name,
    join,
    media$: streamOf(media),
    limit,
    relayOnly,
    requireCrossSigned,
    peers: peers ?? browserPeer,
  };
}
