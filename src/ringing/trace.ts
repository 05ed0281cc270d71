// The trace of ringing: what rings, what does not and why, what ended it, and what became of it.
import type { RingOutcome } from "./outcome.ts";
import type { RingRefusal } from "./validity.ts";

/** What was decided about a ring. */
export type RingTraceEntry =
  | { readonly kind: "ring-started"; readonly roomId: string; readonly ringId: string; readonly sender: string }
  /** It rings no longer. */
  | { readonly kind: "ring-ended"; readonly roomId: string; readonly ringId: string; readonly reason: RingRefusal }
  /** It has never rung. `path`: the wrong field of a malformed event. */
  | {
      readonly kind: "ring-refused";
      readonly roomId: string;
      readonly ringId: string;
      readonly sender: string;
      readonly reason: RingRefusal;
      readonly path?: string;
    }
  | {
      readonly kind: "ring-outcome";
      readonly roomId: string;
      readonly ringId: string;
      readonly userId: string;
      readonly outcome: RingOutcome;
    }
  /** A ring of ours that belongs to a join could not be sent or taken back. */
  | { readonly kind: "ring-failed"; readonly roomId: string; readonly cause: unknown };

/** A decision about a ring and when it was made, in milliseconds since 1970. */
export type RingTrace = RingTraceEntry & { readonly ts: number };
