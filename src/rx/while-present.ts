// whilePresent: an inner stream for each item of a list, for as long as the list holds its key.
import {
  connect,
  distinctUntilChanged,
  filter,
  groupBy,
  map,
  mergeMap,
  type Observable,
  type OperatorFunction,
  pipe,
  ReplaySubject,
} from "rxjs";

/**
 * Turns a stream of lists into one inner stream for each key: it starts when a list first holds the key, and completes
 * when a list lacks it. If the key comes back, it gets a new inner stream.
 *
 * `project` receives the item of that key: the present one first, then each one that differs from the one before (`===`).
 * The results of all inner streams are merged. Keys must be unique within a list. The inner stream may go on after its item
 * is gone, for instance to leave a call: one that must not has to end when `item$` completes.
 *
 * @param keyOf The key of an item, for instance `({ instance }) => instance`.
 * @param project Makes the inner stream. It is called once for each time that a key comes.
 * @example
 * ```ts
 * import { finalize, ignoreElements, of } from "rxjs";
 * import { whilePresent } from "matrixrtc-rx";
 *
 * const log: string[] = [];
 * const tile = (name: string) => log.push(`${name} shown`);
 * of(["alice"], ["alice", "bob"], ["bob"])
 *   .pipe(
 *     whilePresent(
 *       (name) => name,
 *       (name$) => {
 *         name$.subscribe(tile);
 *         return name$.pipe(
 *           ignoreElements(),
 *           finalize(() => log.push("removed")),
 *         );
 *       },
 *     ),
 *   )
 *   .subscribe();
 * console.assert(log.join() === "alice shown,bob shown,removed,removed");
 * ```
 */
export function whilePresent<T, R>(
  keyOf: (item: T) => string,
  project: (item$: Observable<T>, key: string) => Observable<R>,
): OperatorFunction<readonly T[], R> {
  return pipe(
    map((list) => ({ list, keys: new Set(list.map(keyOf)) })),
    connect((lists$) =>
      lists$.pipe(
        mergeMap(({ list }) => list),
        groupBy(keyOf, {
          duration: ({ key }) => lists$.pipe(filter(({ keys }) => !keys.has(key))),
          connector: () => new ReplaySubject(1),
        }),
        mergeMap((item$) => project(item$.pipe(distinctUntilChanged()), item$.key)),
      ),
    ),
  );
}
