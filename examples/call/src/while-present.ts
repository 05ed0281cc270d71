// whilePresent: one inner stream for each key of a list, for as long as the key is in the list.
import {
  connect,
  endWith,
  filter,
  groupBy,
  ignoreElements,
  mergeAll,
  mergeMap,
  type Observable,
  type OperatorFunction,
  takeUntil,
} from "rxjs";

/** `project` gets the key and the items that bear it, one for each list; its stream ends when a list lacks the key. */
export function whilePresent<T, R>(
  keyOf: (item: T) => string,
  project: (key: string, item$: Observable<T>) => Observable<R>,
): OperatorFunction<readonly T[], R> {
  return connect((list$) =>
    list$.pipe(
      mergeAll(),
      groupBy(keyOf, {
        duration: ({ key }) => list$.pipe(filter((list) => !list.some((item) => keyOf(item) === key))),
      }),
      mergeMap((item$) => project(item$.key, item$).pipe(takeUntil(item$.pipe(ignoreElements(), endWith(undefined))))),
    ),
  );
}
