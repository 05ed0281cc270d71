// SessionContext: what the parts of one session share: the client, the call, and what they read of it.
import type { Matrix } from "./matrix.ts";
import type { Behavior } from "./rx/behavior.ts";
import type { Membership, Slot } from "./types.ts";

/** One slot of one room, seen through one client. `Entry` is what the part that holds it may trace. */
export interface SessionContext<Entry = never> {
  readonly matrix: Matrix;
  readonly roomId: string;
  readonly slot: string;
  readonly membership$: Behavior<readonly Membership[]>;
  readonly slot$: Behavior<Slot>;
  /** Traces a decision. */
  readonly trace: (entry: Entry) => void;
}
