// The decisions about our own membership. Never a delay id.
import type { RtcErrorCode } from "../errors.ts";
import type { MatrixErrorKind } from "../matrix.ts";
import type { JoinMode } from "./options.ts";
import type { RequestKind, WriteReason } from "./requests.ts";
import type { RejoinReason } from "./state.ts";

/** Why we leave: because of the caller, or of an error. */
export type LeaveCause = "leaveOn" | "unsubscribe" | "failure";

export type JoinTrace =
  | { readonly kind: "join-started"; readonly mode: JoinMode; readonly memberId: string }
  /** A request got an error. The entries that follow show the consequences. */
  | {
      readonly kind: "request-failed";
      readonly request: RequestKind;
      readonly error: MatrixErrorKind;
      readonly attempt: number;
    }
  /** An answer came after we had given up waiting for it. */
  | { readonly kind: "late-answer"; readonly request: RequestKind; readonly ok: boolean }
  | { readonly kind: "delayed-leave-armed"; readonly delayMs: number; readonly delegated: boolean }
  /** The server no longer knows it (404) or has finished with it (409). */
  | { readonly kind: "delayed-leave-gone"; readonly fired: boolean }
  | { readonly kind: "delayed-leave-unsupported"; readonly error: MatrixErrorKind | "capability" }
  /** An answer brought a second delayed leave, which is cancelled. */
  | { readonly kind: "delayed-leave-duplicate" }
  | { readonly kind: "delegation-refused"; readonly error: MatrixErrorKind }
  | { readonly kind: "membership-sent"; readonly reason: WriteReason }
  | { readonly kind: "membership-written"; readonly reason: WriteReason; readonly by: "answer" | "sync" }
  | { readonly kind: "probably-left" }
  | { readonly kind: "rejoining"; readonly reason: RejoinReason; readonly attempt: number }
  | { readonly kind: "page-hidden" }
  | { readonly kind: "leave-started"; readonly cause: LeaveCause }
  | { readonly kind: "leave-ended"; readonly confirmed: boolean; readonly error?: RtcErrorCode };
