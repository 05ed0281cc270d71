// Write budget: how often our membership may be written beyond what keeps it alive, for an update, for who comes late into
// the room, or for a key that is missing. Guarantee 15 of the pitfalls.

/** So many writes at once, … */
export const burst = 10;
/** … and then one in this time: at most 10 + 120 in an hour. */
export const refillMs = 30_000;

/** When the next write may go, given when the budget is full again. */
export function availableTs(fullTs: number): number {
  return fullTs - (burst - 1) * refillMs;
}

/** When the budget is full again after a write now. */
export function spend(fullTs: number, now: number): number {
  return Math.max(fullTs, now) + refillMs;
}
