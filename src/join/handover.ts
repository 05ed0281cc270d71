// Handover: what a join leaves behind at its end, for the next join under the same state key. protocol.md 4.7.
import type { IntervalClock } from "../rx/interval-clock.ts";
import { armedLeave, type LifecycleState, type LeftBehind } from "./model.ts";

/** A sticky member leaves nothing to the next one, which is another member. */
export const nothingLeft: LeftBehind = { obsolete: [], isMember: false };

/** What the next join takes over. The times are those of the wall clock. */
export function leftBehindBy(state: LifecycleState, clock: IntervalClock): LeftBehind {
  const armed = armedLeave(state);
  // Restarts without an answer may have prolonged it.
  const last = armed ? [{ delayId: armed.delayId, untilTs: clock.now() + armed.delayMs }] : [];
  const obsolete = [...state.delayedLeave.obsolete, ...last].map(({ delayId, untilTs }) => {
    return { delayId, untilTs: untilTs - clock.aheadMs };
  });
  return { obsolete, isMember: state.publication.status !== "no" };
}
