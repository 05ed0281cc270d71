// NegotiationModel: what a negotiation knows, what comes in, and what has to be done. CS spec m.call.*; W3C WebRTC 10.7.
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { MediaKind, StreamPurpose } from "../media/source.ts";
import { type Agreement, beginAgreement, type RemoteDescription } from "./agreement.ts";
import { notConnected, type Recovery, type RecoveryTiming } from "./ice-recovery.ts";
import { type BatchTiming, type LocalCandidates, noCandidates } from "./local-candidates.ts";
import type { Attachment, Candidate, Description, PeerEvent, SignalingState } from "./peer-connection.ts";
import { noRemoteCandidates, type RemoteCandidates } from "./remote-candidates.ts";
import type { Section } from "./sdp.ts";
import type { StreamMetadata } from "./stream-metadata.ts";

/** What one side says to the other. */
export type Signal =
  | ({ readonly kind: "description" } & RemoteDescription)
  | { readonly kind: "candidates"; readonly candidates: readonly Candidate[] }
  | { readonly kind: "metadata"; readonly metadata: StreamMetadata };

export type NegotiationInput =
  | { readonly kind: "media"; readonly media: OutgoingMedia; readonly isHolding: boolean }
  | { readonly kind: "signal"; readonly signal: Signal }
  | { readonly kind: "peer"; readonly event: PeerEvent }
  | { readonly kind: "described"; readonly description: Description }
  | { readonly kind: "applied" }
  | { readonly kind: "rolled-back" }
  | { readonly kind: "operation-failed"; readonly signaling: SignalingState }
  | { readonly kind: "due" };

export type NegotiationEffect =
  | { readonly kind: "attach"; readonly attachment: Attachment }
  | { readonly kind: "describe" }
  | { readonly kind: "apply"; readonly description: Description }
  | { readonly kind: "roll-back" }
  | { readonly kind: "add-candidate"; readonly candidate: Candidate }
  | { readonly kind: "restart-ice" }
  | { readonly kind: "say"; readonly signal: Signal };

export interface NegotiationTiming extends BatchTiming, RecoveryTiming {
  /** How long a later offer of ours may stay unanswered; `Infinity` where messages do not get lost. */
  readonly answerMs: number;
}

export interface NegotiationSettings {
  /** Whether we were called. The calling side makes the first offer. */
  readonly isCalled: boolean;
  /** What we want to receive even while we send nothing of that kind. */
  readonly receives: (media: OutgoingMedia) => readonly MediaKind[];
  readonly streamIdOf: (purpose: StreamPurpose) => string;
  readonly timing: NegotiationTiming;
}

/** Why a negotiation is over, in the words of `m.call.hangup`. */
export type NegotiationFailure = "ice_failed" | "ice_timeout" | "signalling_timeout" | "unknown_error";

export interface Negotiation {
  readonly settings: NegotiationSettings;
  /** What we send. Undefined until it is known: nothing is said before. */
  readonly attachment: Attachment | undefined;
  readonly isAttached: boolean;
  /** The metadata that we sent last. */
  readonly sentMetadata: StreamMetadata | undefined;
  readonly agreement: Agreement;
  readonly local: LocalCandidates;
  readonly localUfrags: readonly string[];
  readonly remote: RemoteCandidates;
  readonly sections: readonly Section[];
  readonly metadata: StreamMetadata | undefined;
  /** The other side wants to receive nothing now. */
  readonly isHeld: boolean;
  readonly recovery: Recovery;
  readonly failure: NegotiationFailure | undefined;
}

export const beginNegotiation = (settings: NegotiationSettings): Negotiation => ({
  settings,
  attachment: undefined,
  isAttached: false,
  sentMetadata: undefined,
  agreement: beginAgreement(settings.isCalled),
  local: noCandidates,
  localUfrags: [],
  remote: noRemoteCandidates,
  sections: [],
  metadata: undefined,
  isHeld: false,
  recovery: notConnected,
  failure: undefined,
});
