// MediaParticipant: the media of one member, the same shape whatever transport carries it.
import type { Observable } from "rxjs";
import type { WaitingReason } from "../keys/encryption-status.ts";
import type { KeyRejection } from "../keys/trace.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { Membership } from "../types.ts";
import type { MediaSource } from "./source.ts";
import type { ElementSize } from "./tile-size.ts";

/** How the media of a member reaches us now. */
export type MediaConnection =
  /** Nothing is being set up yet: see `problem$` for the reason. */
  | "waiting"
  | "connecting"
  | "connected"
  /** It was connected. The tracks stay, and go on as soon as the connection is back. */
  | "reconnecting";

/** How good a connection is, in LiveKit's words. `unknown` until it has been measured. */
export type MediaQuality = "unknown" | "excellent" | "good" | "poor" | "lost";

/**
 * One track of a member. A track that did not change is the same object as before.
 *
 * @typeParam Track What plays it: a `MediaStreamTrack` in browsers.
 */
export interface ParticipantTrack<Track = MediaStreamTrack> {
  readonly source: MediaSource;
  /** Its owner has muted it: show an avatar instead of the picture. */
  readonly muted: boolean;
  /** For the `srcObject` of a media element. Absent while nothing is received. */
  readonly track?: Track;
  /** It is not received, because nothing shows it. */
  readonly paused?: true;
}

/** Why we do not have the media of a member, or may lose it. */
export type MediaProblemCode =
  /** It names no transport that we have. */
  | "no-common-transport"
  /** The call has more members than this transport carries. */
  | "too-many-members"
  /** By the rule of the transport the other side connects, and it has not done so yet. */
  | "waiting-for-other-side"
  /** Its device is unknown to its homeserver, so nothing can be encrypted for it. */
  | "unknown-device"
  /** Its owner has not cross-signed its device, and that is required. */
  | "not-cross-signed"
  /** The media connection failed. It is made again. */
  | "connection-failed"
  /** A message to it could not be sent, or its answer did not come. It is sent again. */
  | "signalling-failed"
  /** It ended the connection on purpose, and is still a member. */
  | "ended-by-other-side"
  /** We are not connected to the SFU that it publishes on: the connections say why. */
  | "sfu-not-connected"
  /** We are connected to its SFU, and it is not there. */
  | "not-on-sfu"
  /** Its SFU is one more than we connect to, or than its user may name. */
  | "too-many-sfus";

/** What is wrong with the media of a member, since when, and when we try again. */
export interface MediaProblem {
  readonly code: MediaProblemCode;
  readonly sinceTs: number;
  /** When we try again. Absent if nothing is planned. */
  readonly nextTryTs?: number;
}

/** Whether what we exchange with a member is end-to-end encrypted, and by what. */
export type MediaEncryption = (
  | {
      readonly status: "end-to-end";
      /** `frames`: SFrame-like keys per member. `transport`: DTLS-SRTP whose fingerprints came through Olm. */
      readonly by: "frames" | "transport";
      /** The index of its newest key. Only for `frames`. */
      readonly keyIndex?: number;
    }
  /** No media flows yet, so there is nothing to encrypt. */
  | { readonly status: "pending" }
  /** We have no key for its media, or a wrong one. */
  | { readonly status: "waiting"; readonly reason: WaitingReason }
  /** A key came, but we do not accept it. */
  | { readonly status: "unverified"; readonly reason: KeyRejection }
  /** It sends in the clear in an encrypted call: such tracks are not received. */
  | { readonly status: "cleartext" }
  /** Nothing is encrypted in this call. */
  | { readonly status: "none" }
) & {
  /** It cannot decrypt us, because our key did not reach it. We send it again until it does. */
  readonly unreached?: "unknown-device" | "not-cross-signed" | "failed";
};

/**
 * The media of one member of a call. A member that did not change is the same object as before, and each part of it is a
 * Behavior, so that a tile of a UI renders alone.
 *
 * @typeParam Track What plays a track: a `MediaStreamTrack` in browsers.
 */
export interface MediaParticipant<Track = MediaStreamTrack> {
  readonly member: Membership;
  readonly isLocal: boolean;
  readonly connection$: Behavior<MediaConnection>;
  /** In the order microphone, camera, screen share, its audio. */
  readonly tracks$: Behavior<readonly ParticipantTrack<Track>[]>;
  readonly speaking$: Behavior<boolean>;
  readonly quality$: Behavior<MediaQuality>;
  readonly encryption$: Behavior<MediaEncryption>;
  readonly problem$: Behavior<MediaProblem | undefined>;
  /** Says how a tile shows a video, while subscribed to. Absent where that does not decide what is received: in a mesh. */
  show?(source: "camera" | "screen_share", tile: ElementSize | Observable<ElementSize>): Observable<never>;
}
