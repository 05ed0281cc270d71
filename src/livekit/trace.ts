// LivekitTrace: every decision of the media layer, typed. Never a token, a key or an address with a secret.
import type { SfuConnection } from "./sfu-status.ts";
import type { SfuFailureCode } from "./sfu-failure.ts";
import type { Unplanned } from "./sfu-plan.ts";

/** What was decided, by `kind`. */
export type LivekitTraceEntry =
  | { readonly kind: "sfu-wanted"; readonly sfu: string; readonly purpose: SfuConnection["purpose"] }
  | { readonly kind: "sfu-unwanted"; readonly sfu: string; readonly purpose: SfuConnection["purpose"] }
  | {
      readonly kind: "sfu-status";
      readonly sfu: string;
      readonly purpose: SfuConnection["purpose"];
      readonly status: SfuConnection["status"];
      readonly failure?: SfuFailureCode;
      readonly nextTryTs?: number;
    }
  | { readonly kind: "member-unplanned"; readonly participantIdentity: string; readonly reason: Unplanned }
  /** Its media is there and its key is not: the session is asked for the key. */
  | { readonly kind: "key-lacking"; readonly participantIdentity: string }
  /** Its key has come after its media: key frames are asked for. */
  | { readonly kind: "picture-refreshed"; readonly participantIdentity: string };

/** A decision and when it was made. */
export type LivekitTrace = LivekitTraceEntry & { readonly ts: number };
