// Waiting for an absolute time with one timer, whatever its distance.
import { asyncScheduler, defer, EMPTY, type Observable, of, switchMap, timer } from "rxjs";

/** The longest wait that a timer of the platform keeps: beyond it, it fires at once (pitfall 27). */
const longestWaitMs = 2 ** 31 - 1;

/** Emits the time `ts` once the clock has reached it, then completes; never for `undefined`. */
export function at(ts: number | undefined): Observable<number> {
  if (ts === undefined || ts === Infinity) return EMPTY;
  return defer(() => {
    const waitMs = ts - asyncScheduler.now();
    if (waitMs <= 0) return of(ts);
    return timer(Math.min(waitMs, longestWaitMs)).pipe(switchMap(() => at(ts)));
  });
}
