// VoipTrace: every decision about 1:1 calls, typed.
import type { HangupReason } from "../hangup-reason.ts";
import type { VoipEnd } from "./voip-state.ts";

/** Why an invite does not ring. */
export type IgnoredInvite =
  /** It is for another user. */
  | "other-invitee"
  /** We sent it, from this device or another one. */
  | "own"
  | "expired"
  /** It has been answered, rejected or hung up already. */
  | "already-ended"
  /** The room is public, where strangers could make it ring. */
  | "public-room"
  | "not-in-room"
  /** Too many calls ring already. */
  | "too-many"
  /** It crossed a call of ours, which goes on. */
  | "glare";

/** What was decided, by `kind`. Never a session description, an address or a secret. */
export type VoipTraceEntry =
  | { readonly kind: "call-placed"; readonly roomId: string; readonly callId: string }
  | { readonly kind: "call-ringing"; readonly roomId: string; readonly callId: string; readonly userId: string }
  | {
      readonly kind: "invite-ignored";
      readonly roomId: string;
      readonly callId: string;
      readonly userId: string;
      readonly reason: IgnoredInvite;
    }
  /** Two calls crossed, and one of them goes on: ours gave way to theirs, or theirs is ignored. */
  | { readonly kind: "glare"; readonly roomId: string; readonly kept: string; readonly dropped: string }
  | { readonly kind: "answer-chosen"; readonly callId: string; readonly userId: string; readonly version: 0 | 1 }
  | { readonly kind: "call-ended"; readonly callId: string; readonly reason: VoipEnd; readonly by: "us" | "them" }
  | { readonly kind: "hangup-sent"; readonly callId: string; readonly reason: HangupReason }
  | { readonly kind: "message-not-sent"; readonly callId: string; readonly type: string }
  /** An event of a call that is not as it must be, with the path of its first wrong field. */
  | { readonly kind: "event-malformed"; readonly roomId: string; readonly eventId: string; readonly path: string }
  /** An event that is well-formed and has no place: from another party than the chosen one, too old, or out of turn. */
  | {
      readonly kind: "event-ignored";
      readonly callId: string;
      readonly type: string;
      readonly reason: "wrong-party" | "expired" | "out-of-turn";
    };

/** A decision and when it was made. */
export type VoipTrace = VoipTraceEntry & { readonly ts: number };
