// Call: what the parts of one session share.
import type { Matrix } from "./matrix.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { TraceEntry } from "./trace.ts";
import type { Membership, Slot } from "./types.ts";

/** One slot of one room, seen through one client. */
export interface Call {
  readonly matrix: Matrix;
  readonly roomId: string;
  readonly slot: string;
  readonly membership$: Behavior<readonly Membership[]>;
  readonly slot$: Behavior<Slot>;
  /** Notes a decision. */
  readonly trace: (entry: TraceEntry) => void;
}

/** Who we are in a call for the span of one join. */
export interface OwnMember {
  readonly kind: "state" | "sticky";
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  readonly participantIdentity: string;
}
