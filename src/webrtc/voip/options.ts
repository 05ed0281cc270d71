// VoipOptions: how to make and take 1:1 calls, with defaults.
import { isObservable, type Observable, of } from "rxjs";
import { RtcError } from "../../errors.ts";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import { browserPeer } from "../browser.ts";
import type { PeerConnections } from "../peer-connection.ts";

/** How to make and take 1:1 calls. */
export interface VoipOptions {
  /** How long a call of ours rings, in milliseconds. 10,000 to 600,000. Default 90,000, as the specification recommends. */
  readonly lifetimeMs?: number;
  /** Connect through the relay servers of the homeserver only, so that the other side does not learn our addresses. Default false. */
  readonly relayOnly?: boolean;
  /** Ring for invites in public rooms, where strangers can send them. Default false. */
  readonly ringsInPublicRooms?: boolean;
  /** Makes the peer connections. Default: those of the browser. */
  readonly peers?: PeerConnections;
}

/** What we send in a call: a value, or a stream of values. If a stream fails before the call begins, the call ends with `no-media`. */
export interface CallMedia {
  readonly media: OutgoingMedia | Observable<OutgoingMedia>;
}

/** How to call. */
export interface PlaceOptions extends CallMedia {
  /** The user to call, in a room of more than two. Default: the first one to answer. */
  readonly invitee?: string;
}

export interface ResolvedVoipOptions {
  readonly lifetimeMs: number;
  readonly relayOnly: boolean;
  readonly ringsInPublicRooms: boolean;
  readonly peers: PeerConnections;
}

/** Fills in the defaults. @throws RtcError `bad-argument`; `unsupported` where there are no peer connections. */
export function resolveVoipOptions(options: VoipOptions): ResolvedVoipOptions {
  const { lifetimeMs = 90_000, relayOnly = false, ringsInPublicRooms = false, peers } = options;
  if (!(lifetimeMs >= 10_000 && lifetimeMs <= 600_000))
    throw new RtcError("bad-argument", "lifetimeMs must be from 10,000 to 600,000");
  if (!peers && globalThis.RTCPeerConnection === undefined)
    throw new RtcError("unsupported", "calls need RTCPeerConnection, which browsers have");
  return { lifetimeMs, relayOnly, ringsInPublicRooms, peers: peers ?? browserPeer };
}

/** What we send as a stream. @throws RtcError `bad-argument` */
export function mediaStreamOf({ media }: CallMedia): Observable<OutgoingMedia> {
  if (isObservable(media)) return media;
  if (typeof media === "object" && media !== null) return of(media);
  throw new RtcError("bad-argument", "media must be an OutgoingMedia, or a stream of them");
}
