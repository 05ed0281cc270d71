// at: waits for an absolute time with one timer, however far away that time is. after: waits for an interval in the same way.
import { asyncScheduler, defer, EMPTY, type Observable, of, switchMap, timer } from "rxjs";
import { IntervalClock } from "./interval-clock.ts";

/** The longest delay that timers of browsers and Node support. A longer one fires at once (guarantee 27). */
export const maxDelayMs: number = 2 ** 31 - 1;

/** Emits `ts` once the wall clock has reached it, then completes. Completes at once for `undefined` and `Infinity`. */
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

function until(ts: number | undefined, clock: { now(): number }): Observable<number> {
  if (ts === undefined || ts === Infinity) return EMPTY;
  return defer(() => {
    const delayMs = ts - clock.now();
    if (delayMs <= 0) return of(ts);
    return timer(Math.min(delayMs, maxDelayMs)).pipe(switchMap(() => until(ts, clock)));
  });
}
