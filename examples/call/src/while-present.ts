// whilePresent: one inner stream for each key of a list, for as long as the key is in the list.
import { connect, filter, groupBy, mergeAll, mergeMap, type Observable, type OperatorFunction } from "rxjs";

/** `project` gets the items that bear a key, one for each list; they complete when a list lacks the key. */
export function whilePresent<T, R>(
  keyOf: (item: T) => string,
  project: (item$: Observable<T>) => Observable<R>,
): OperatorFunction<readonly T[], R> {
  return connect((list$) =>
    list$.pipe(
      mergeAll(),
      groupBy(keyOf, {
        duration: ({ key }) => list$.pipe(filter((list) => !list.some((item) => keyOf(item) === key))),
      }),
      mergeMap(project),
    ),
  );
}
