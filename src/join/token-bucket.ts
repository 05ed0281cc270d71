// Token bucket: how often our membership may be written beyond what keeps it alive. Guarantee 15 of the pitfalls.
// 10 writes at once, then one every 30 s: at most 10 + 120 in an hour.

export const burst = 10;
export const refillMs = 30_000;

/** When the next write may go, given when the bucket is full again. */
export function availableTs(fullTs: number): number {
  return fullTs - (burst - 1) * refillMs;
}

/** When the bucket is full again after a write now. */
export function spend(fullTs: number, now: number): number {
  return Math.max(fullTs, now) + refillMs;
}
