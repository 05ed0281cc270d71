// The decisions about our own membership. Never a delay id.
import type { RtcErrorCode } from "../errors.ts";
import type { MatrixErrorKind } from "../matrix.ts";
import type { JoinMode } from "./options.ts";
import type { RequestKind, WriteReason } from "./requests.ts";
import type { RejoinReason } from "./join-state.ts";

/** Why we leave: because of the caller, or of an error. */
export type LeaveCause = "leaveOn" | "unsubscribe" | "failure";

/** A decision of a join. */
export type JoinTrace =
  /** Somebody has subscribed to the join. */
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
  /** The server has scheduled our leave, and sends it `delayMs` after our last restart. */
  | { readonly kind: "delayed-leave-armed"; readonly delayMs: number; readonly delegated: boolean }
  /** The server no longer knows it (404) or has finished with it (409). */
  | { readonly kind: "delayed-leave-gone"; readonly fired: boolean }
  /** Why we go on without: an error, the limits of the server (`capability`), or restarts that never worked. */
  | { readonly kind: "delayed-leave-unsupported"; readonly error: MatrixErrorKind | "capability" | "not-restarted" }
  /** An answer brought a second delayed leave, which is cancelled. */
  | { readonly kind: "delayed-leave-duplicate" }
  | { readonly kind: "delegation-refused"; readonly error: MatrixErrorKind }
  /** We have sent our membership, and have no answer yet. */
  | { readonly kind: "membership-sent"; readonly reason: WriteReason }
  /** The server has our membership: its answer says so, or a sync response has the event. */
  | { readonly kind: "membership-written"; readonly reason: WriteReason; readonly by: "answer" | "sync" }
  /** The clock of the server is ahead of ours by this, or behind if negative. 0: they agree again, within a minute. */
  | { readonly kind: "clocks-disagree"; readonly offsetMs: number }
  | { readonly kind: "probably-left" }
  | { readonly kind: "rejoining"; readonly reason: RejoinReason; readonly attempt: number }
  /** The page is being closed or suspended. */
  | { readonly kind: "page-hidden" }
  | { readonly kind: "leave-started"; readonly cause: LeaveCause }
  /** The leave is over. `confirmed`: the server has answered. */
  | { readonly kind: "leave-ended"; readonly confirmed: boolean; readonly error?: RtcErrorCode };
