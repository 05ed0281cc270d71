// IntervalClock: the time by which intervals are measured. It does not follow a wall clock that is set back.
import { asyncScheduler } from "rxjs";

/** A timer may fire 50 ms early. Only more means that the clock was set back. */
const toleranceMs = 50;

/**
 * Measures intervals by the wall clock of RxJS, but never runs backwards.
 *
 * When a timer fires, its wait has passed, whatever the wall clock says. If the wall clock was set back meanwhile, this
 * clock stays ahead of it from then on. A wall clock that jumps forward is followed: the machine may have been asleep.
 */
export class IntervalClock {
  #aheadMs = 0;
  #lastTs = -Infinity;

  now(): number {
    this.#lastTs = Math.max(this.#lastTs, asyncScheduler.now() + this.#aheadMs);
    return this.#lastTs;
  }

  /** A timer has fired that was to wait until `ts`. */
  reached(ts: number): void {
    const behindMs = ts - asyncScheduler.now() - this.#aheadMs;
    if (behindMs > toleranceMs) this.#aheadMs += behindMs;
  }

  /** A time of this clock as the wall clock shows it now. */
  toWall(ts: number): number {
    return ts - this.#aheadMs;
  }
}
