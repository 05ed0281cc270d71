// ExternalStore: a Behavior for useSyncExternalStore of React.
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
 * Members that did not change are the same objects as before, so memoised tiles do not render again.
 *
 * Join in an event handler, not in an effect: StrictMode runs effects twice, which would join, leave and join again.
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
