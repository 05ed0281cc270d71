// Bind a Behavior to a UI: the two functions that React's useSyncExternalStore, and its likes elsewhere, ask for.
import type { Behavior } from "matrixrtc-rx";

export interface ExternalStore<T> {
  readonly subscribe: (notify: () => void) => () => void;
  readonly getSnapshot: () => T;
}

/**
 * ```tsx
 * function useBehavior<T>(value$: Behavior<T>): T {
 *   const { subscribe, getSnapshot } = useMemo(() => externalStore(value$), [value$]);
 *   return useSyncExternalStore(subscribe, getSnapshot);
 * }
 * ```
 * Members that did not change are the same objects as before, so that memoised tiles stay as they are.
 */
export function externalStore<T>(value$: Behavior<T>): ExternalStore<T> {
  return {
    subscribe: (notify) => {
      const subscription = value$.subscribe(notify);
      return () => subscription.unsubscribe();
    },
    getSnapshot: () => value$.value,
  };
}
