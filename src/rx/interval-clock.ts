// IntervalClock: the time by which intervals are measured. It does not follow a wall clock that is set back.
import { asyncScheduler } from "rxjs";

/** A timer may fire 50 ms early. Only more means that the wall clock was set back. */
const toleranceMs = 50;

/**
 * Measures intervals by the wall clock of RxJS, but never runs backwards.
 *
 * A time that was shown is over, and when a timer fires, its wait has passed, whatever the wall clock says. If the wall
 * clock was set back meanwhile, this clock stays ahead of it from then on. A wall clock that jumps forward is followed: the
 * machine may have been asleep.
 */
export class IntervalClock {
  #aheadMs = 0;
  #lastTs = -Infinity;

  /** How far it is ahead of the wall clock. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  now(): number {
    this.#lastTs = Math.max(this.#lastTs, this.#atLeast(this.#lastTs));
    return this.#lastTs;
  }

  /** A timer has fired that was to wait until `ts`. */
  reached(ts: number): void {
    this.#atLeast(ts);
  }

  /** Reads the wall clock. If it shows less than this time, it was set back. */
  #atLeast(ts: number): number {
    const wallTs = asyncScheduler.now();
    const behindMs = ts - wallTs - this.#aheadMs;
    if (behindMs > toleranceMs) this.#aheadMs += behindMs;
    return wallTs + this.#aheadMs;
  }
}
