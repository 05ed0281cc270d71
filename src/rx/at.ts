// at: waits for an absolute time with one timer at a time, however far away it is. after: waits for an interval in the same way.
import { asyncScheduler, defer, EMPTY, Observable } from "rxjs";
import { IntervalClock } from "./interval-clock.ts";
import type { TimeSource } from "./steady-time.ts";

/** The longest delay that timers of browsers and Node support. A longer one fires at once (guarantee 27). */
export const maxDelayMs: number = 2 ** 31 - 1;

/**
 * No timer of this library waits longer. On some platforms timers do not count the sleep of a machine. After it, a wait is late by
 * what is left of one timer, and not by the sleep.
 */
export const maxWaitMs: number = 30_000;

/** Emits `ts` once the wall clock has reached it, as `until` does. */
export const at = (ts: number | undefined): Observable<number> => until(ts, asyncScheduler);

/**
 * Emits once this time has passed, then completes. A wall clock that is set back does not delay it, and the sleep of a machine
 * counts. Completes at once for `Infinity`.
 */
export const after = (ms: number): Observable<number> =>
  defer(() => {
    const clock = new IntervalClock();
    return until(clock.now() + ms, clock);
  });

/** Emits `ts` once a clock has reached it, then completes. Completes at once for `undefined` and `Infinity`. */
export function until(ts: number | undefined, clock: TimeSource): Observable<number> {
  if (ts === undefined || ts === Infinity) return EMPTY;
  return new Observable((subscriber) => {
    const restMs = () => Math.min(ts - clock.now(), maxWaitMs);
    const emit = () => {
      subscriber.next(ts);
      subscriber.complete();
    };
    const firstMs = restMs();
    if (firstMs <= 0) return emit();
    return asyncScheduler.schedule(function () {
      const nextMs = restMs();
      if (nextMs > 0) this.schedule(undefined, nextMs);
      else emit();
    }, firstMs);
  });
}
