// Vue: a Behavior as a ref: `const members = useBehavior(session.membership$)` in setup.
import { onScopeDispose, type ShallowRef, shallowReadonly, shallowRef } from "vue";
import type { Behavior } from "matrixrtc-rx";

/** Follows the Behavior until the component, or the effect scope, ends. */
export function useBehavior<T>(value$: Behavior<T>): Readonly<ShallowRef<T>> {
  const ref = shallowRef(value$.value);
  const subscription = value$.subscribe((value) => (ref.value = value));
  onScopeDispose(() => subscription.unsubscribe());
  return shallowReadonly(ref);
}
