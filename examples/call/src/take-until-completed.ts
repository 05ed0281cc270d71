// takeUntilCompleted: RxJS's takeUntil for the end of another stream, whatever that stream emits before.
import { endWith, ignoreElements, type MonoTypeOperatorFunction, type Observable, takeUntil } from "rxjs";

/** Mirrors the source until `other$` completes. An error of `other$` is passed on. */
export function takeUntilCompleted<T>(other$: Observable<unknown>): MonoTypeOperatorFunction<T> {
  return takeUntil(other$.pipe(ignoreElements(), endWith(undefined)));
}
