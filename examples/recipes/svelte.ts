// Svelte: a Behavior as a store: `const members = current(session.membership$)`, then `members.current` in the template.
import { fromStore } from "svelte/store";
import type { Behavior } from "matrixrtc-rx";

/** Subscribed to while an effect or a template reads it. In Svelte 4, write `$membership$`: a Behavior is a store. */
export function current<T>(value$: Behavior<T>): { readonly current: T } {
  return fromStore({
    subscribe(run) {
      const subscription = value$.subscribe(run);
      return () => subscription.unsubscribe();
    },
  });
}
