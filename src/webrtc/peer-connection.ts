// PeerConnection: what this library needs of an RTCPeerConnection, as Observables. W3C WebRTC 1.0.
import type { Observable } from "rxjs";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { MediaKind, StreamPurpose } from "../media/source.ts";

export interface Description {
  readonly type: "offer" | "answer";
  readonly sdp: string;
}

/** An ICE candidate as it travels. The one with an empty `candidate` says that there are no more. */
export interface Candidate {
  readonly candidate: string;
  readonly sdpMid?: string | null;
  readonly sdpMLineIndex?: number | null;
  readonly usernameFragment?: string | null;
}

export type SignalingState = "stable" | "have-local-offer" | "have-remote-offer" | "closed";

export type ConnectionState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

export type PeerEvent =
  | { readonly kind: "negotiation-needed" }
  /** `undefined`: all candidates of the present description have been gathered. */
  | { readonly kind: "candidate"; readonly candidate: Candidate | undefined }
  | { readonly kind: "connection"; readonly state: ConnectionState };

/** A server that helps to connect. Its `credential` is a secret. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** What to send and to receive. */
export interface Attachment {
  readonly media: OutgoingMedia;
  /** Nothing is sent or received until this ends. */
  readonly isHolding: boolean;
  /** What we want to receive even while we send nothing of that kind. */
  readonly receives: readonly MediaKind[];
}

/** Counts of a peer connection since it was made, and its newest measurements. */
export interface PeerStats {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** The round trip of the candidate pair in use. */
  readonly roundTripMs: number | undefined;
  /** The level of our microphone, 0 to 1. */
  readonly ownAudioLevel: number | undefined;
}

/** Effects are cold: they act when subscribed to, complete, or fail with the error of the platform. */
export interface PeerConnection {
  readonly event$: Observable<PeerEvent>;
  readonly signalingState: SignalingState;
  /** The id under which the streams of a purpose travel. */
  streamIdOf(purpose: StreamPurpose): string;
  /** Brings senders and directions in line with an attachment. */
  attach(attachment: Attachment): void;
  /**
   * Makes an offer, or an answer if there is an offer to answer, and sets it as the local description: a later offer at the
   * latest when its answer is applied. Candidates that come before it is emitted are in it.
   */
  describe(): Observable<Description>;
  /** Takes our own offer back. */
  rollBack(): Observable<never>;
  /** Sets the remote description; takes our own offer back first if that is in its way. */
  apply(description: Description): Observable<never>;
  addCandidate(candidate: Candidate): Observable<never>;
  restartIce(): void;
  /** The track received in a section of the session description. */
  trackOf(mid: string): MediaStreamTrack | undefined;
  /** The level of received audio by section, 0 to 1. */
  audioLevels(): ReadonlyMap<string, number>;
  stats(): Observable<PeerStats>;
  useServers(servers: readonly IceServer[]): void;
  /** Whether the tones could be queued. */
  sendDtmf(tones: string): boolean;
  close(): void;
}

/** How to make a peer connection. */
export interface PeerConnectionOptions {
  readonly servers: readonly IceServer[];
  /** Connect through TURN servers only, so that the other side does not learn our addresses. */
  readonly relayOnly: boolean;
  /** Whether the first description waits a moment for candidates, so that they travel in it. */
  readonly isPatient?: boolean;
}

/** Makes peer connections: those of the browser, or those of a spec. */
export type PeerConnections = (options: PeerConnectionOptions) => PeerConnection;
