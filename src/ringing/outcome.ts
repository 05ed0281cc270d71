// Outcome: what became of a ring for each of its targets, from events alone. Pure. protocol.md 7.4.
import type { Ring } from "./ring-event.ts";
import type { LoggedRing } from "./ring-log.ts";

/**
 * What became of a ring for one target: `ringing`, then one of the others. `joined`: entered the call, or was in it already.
 * `withdrawn`: the sender took the ring back, rang others instead, or the call ended. `superseded`: the sender rang again.
 */
export type RingOutcome = "ringing" | "joined" | "declined" | "no-answer" | "withdrawn" | "superseded";

/** What is known about one target of a ring. */
export interface TargetFacts {
  readonly userId: string;
  readonly now: number;
  /** When the ring ends. */
  readonly endTs: number;
  /** When the target entered the call: before the ring, or after it. Undefined: it is not known to have been in the call. */
  readonly joinedTs: number | undefined;
  /** The target has left the call after the ring ended. It is not known when it had entered. Default false. */
  readonly hasLeftLater?: boolean;
  readonly hasDeclined: boolean;
  readonly isCallOver: boolean;
}

/** The outcome of a ring for one target. What the target did counts before what the sender did. */
export function outcomeOf(
  { revoked, supersededBy }: Pick<LoggedRing, "revoked" | "supersededBy">,
  facts: TargetFacts,
): RingOutcome {
  const { userId, now, endTs, joinedTs, hasLeftLater = false, hasDeclined, isCallOver } = facts;
  if (joinedTs !== undefined && joinedTs <= endTs) return "joined";
  if (hasDeclined) return "declined";
  if (revoked === "superseded" && supersededBy && rings(supersededBy, userId)) return "superseded";
  if (revoked !== undefined) return "withdrawn";
  // A ring that rang out is answered more often than it is followed by another call.
  if (now >= endTs) return hasLeftLater ? "joined" : "no-answer";
  return isCallOver ? "withdrawn" : "ringing";
}

const rings = ({ userIds, isForRoom }: Ring, userId: string): boolean => isForRoom || userIds.includes(userId);
