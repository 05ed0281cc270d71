// IntervalClock: the time by which intervals are measured. It does not follow a wall clock that is set back.
import { asyncScheduler } from "rxjs";
import { steadyTime } from "./steady-time.ts";

/** A timer may fire 50 ms early. Only more means that the wall clock was set back. */
const timerEarlyMs = 50;
/** Browsers may round both clocks to 100 ms. Only more than this means that the wall clock was set back. */
const roundingMs = 250;

/**
 * Measures intervals by the wall clock of RxJS, but never runs backwards, and never slower than steady time.
 *
 * A wall clock that jumps forward is followed: the machine may have been asleep, which steady time does not always count. If
 * the wall clock is set back, this clock stays ahead of it from then on. Three things show how far it was set back: steady
 * time, a time that was shown before, and a timer that has fired, since its wait has passed.
 */
export class IntervalClock {
  #aheadMs = 0;
  #lastTs = -Infinity;
  /** The most that it was ahead of steady time. */
  #leadMs = -Infinity;

  /** How far it is ahead of the wall clock. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  now(): number {
    const steadyTs = steadyTime.now();
    this.#catchUp(steadyTs + this.#leadMs, roundingMs);
    const ts = this.#catchUp(this.#lastTs, timerEarlyMs);
    this.#leadMs = Math.max(this.#leadMs, ts - steadyTs);
    this.#lastTs = Math.max(this.#lastTs, ts);
    return this.#lastTs;
  }

  /** A timer has fired that was to wait until `ts`. */
  reached(ts: number): void {
    this.#catchUp(ts, timerEarlyMs);
  }

  /** Reads the wall clock. If it shows less than this time, it was set back. */
  #catchUp(ts: number, toleranceMs: number): number {
    const wallTs = asyncScheduler.now();
    const behindMs = ts - wallTs - this.#aheadMs;
    if (behindMs > toleranceMs) this.#aheadMs += behindMs;
    return wallTs + this.#aheadMs;
  }
}
