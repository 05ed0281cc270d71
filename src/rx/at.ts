// at: waits for an absolute time with one timer, however far away that time is.
import { asyncScheduler, defer, EMPTY, type Observable, of, switchMap, timer } from "rxjs";

/** The longest delay that timers of browsers and Node support. A longer one fires at once (guarantee 27). */
export const maxDelayMs: number = 2 ** 31 - 1;

/** Emits `ts` once the clock has reached it, then completes. Completes at once for `undefined` and `Infinity`. */
export function at(ts: number | undefined): Observable<number> {
  if (ts === undefined || ts === Infinity) return EMPTY;
  return defer(() => {
    const delayMs = ts - asyncScheduler.now();
    if (delayMs <= 0) return of(ts);
    return timer(Math.min(delayMs, maxDelayMs)).pipe(switchMap(() => at(ts)));
  });
}
