// MeshTrace: every decision of a mesh, typed.
import type { Device } from "../../matrix.ts";
import type { HangupReason } from "../hangup-reason.ts";
import type { MeshRejection } from "./envelope.ts";
import type { PeerId } from "./peer-id.ts";

/** What was decided, by `kind`. Never a session description, an address or a secret. */
export type MeshTraceEntry =
  | { readonly kind: "pair-opened"; readonly peer: PeerId; readonly isCaller: boolean }
  | { readonly kind: "pair-closed"; readonly peer: PeerId; readonly reason: PairEnd }
  | { readonly kind: "call-opened"; readonly peer: PeerId; readonly callId: string; readonly isCalled: boolean }
  | { readonly kind: "call-closed"; readonly peer: PeerId; readonly callId: string; readonly reason: HangupReason }
  | {
      readonly kind: "message-not-sent";
      readonly peer: PeerId;
      readonly outcome: "unknown-device" | "not-cross-signed" | "failed";
    }
  | {
      readonly kind: "message-rejected";
      readonly from: Device;
      readonly reason: MeshRejection | "unknown-session" | "not-in-room" | "too-many" | "too-late";
      /** The first wrong field of a malformed message. */
      readonly path?: string;
    }
  /** It waits until its sender is a member. */
  | { readonly kind: "message-early"; readonly from: PeerId };

/** Why there is no pair any more. */
export type PairEnd =
  /** The peer has left the call, or has joined it again. */
  | "peer-left"
  /** The call has more members than the mesh carries. */
  | "over-limit"
  | "we-left";

/** A decision and when it was made. */
export type MeshTrace = MeshTraceEntry & { readonly ts: number };
