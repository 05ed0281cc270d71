// SteadyClock: the time by which intervals are measured in which a page has run, however the wall clock is set.
import { asyncScheduler } from "rxjs";
import { steadyTime } from "./steady-time.ts";

/**
 * Begins with the wall clock, and goes on by steady time, in whole milliseconds as timers do. On a platform where that does not
 * count sleep, it does not either.
 */
export class SteadyClock {
  readonly #aheadMs = asyncScheduler.now() - steadyTime.now();
  #lastTs = -Infinity;

  now(): number {
    this.#lastTs = Math.max(this.#lastTs, Math.round(steadyTime.now() + this.#aheadMs));
    return this.#lastTs;
  }

  /** A timer has fired that was to wait until `ts`. It may have fired a little early. */
  reached(ts: number): void {
    this.#lastTs = Math.max(this.#lastTs, ts);
  }
}
