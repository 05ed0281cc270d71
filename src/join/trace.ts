// The decisions of the writing side: our own membership. Never a delay id.
import type { MatrixErrorKind } from "../matrix.ts";
import type { RtcErrorCode } from "../errors.ts";
import type { JoinMode } from "./options.ts";
import type { RejoinReason } from "./state.ts";

/** A request of ours to the homeserver, as the trace names it. */
export type JoinRequest =
  | "capability"
  | "open-slot"
  | "schedule"
  | "restart"
  | "send"
  | "cancel"
  | "delegate"
  | "write"
  | "leave";

/**
 * Why the membership was written. `late-room-member`: somebody came into the room who could not read it. `missing-key`:
 * for others to see us join anew, and give us their media keys again.
 */
export type WriteReason = "join" | "rejoin" | "refresh" | "update" | "late-room-member" | "missing-key";

/** Who asked us to leave. */
export type LeaveCause = "leaveOn" | "unsubscribe" | "failure";

export type JoinTrace =
  | { readonly kind: "join-started"; readonly mode: JoinMode; readonly memberId: string }
  /** A request got an error: what becomes of it shows in the entries that follow. */
  | {
      readonly kind: "request-failed";
      readonly request: JoinRequest;
      readonly error: MatrixErrorKind;
      readonly attempt: number;
    }
  /** An answer came after we had given up waiting for it. */
  | { readonly kind: "late-answer"; readonly request: JoinRequest; readonly ok: boolean }
  | { readonly kind: "delayed-leave-armed"; readonly delayMs: number; readonly delegated: boolean }
  /** The server no longer knows it (404) or has finished with it (409). */
  | { readonly kind: "delayed-leave-gone"; readonly fired: boolean }
  | { readonly kind: "delayed-leave-unsupported"; readonly error: MatrixErrorKind | "capability" }
  | { readonly kind: "delayed-leave-surplus" }
  | { readonly kind: "delegation-refused"; readonly error: MatrixErrorKind }
  | { readonly kind: "membership-sent"; readonly reason: WriteReason }
  | { readonly kind: "membership-written"; readonly reason: WriteReason; readonly by: "answer" | "sync" }
  | { readonly kind: "probably-left" }
  | { readonly kind: "rejoining"; readonly reason: RejoinReason; readonly attempt: number }
  | { readonly kind: "page-hidden" }
  | { readonly kind: "leave-started"; readonly cause: LeaveCause }
  | { readonly kind: "leave-ended"; readonly confirmed: boolean; readonly error?: RtcErrorCode };
