// The recipes for UI frameworks, with the frameworks themselves.
import { createEnvironmentInjector, EnvironmentInjector, Injector, runInInjectionContext } from "@angular/core";
import { BehaviorSubject, type Observable } from "rxjs";
import { createRoot } from "solid-js";
import { describe, expect, it } from "vitest";
import { effectScope } from "vue";
import { behavior } from "matrixrtc-rx";
import { signalOf } from "../../examples/recipes/angular.ts";
import { externalStore } from "../../examples/recipes/external-store.ts";
import { accessor } from "../../examples/recipes/solid.ts";
import { current } from "../../examples/recipes/svelte.ts";
import { useBehavior } from "../../examples/recipes/vue.ts";

/** A Behavior, its source, and whether anybody is subscribed to it. */
function source() {
  const value$ = new BehaviorSubject("a");
  return { value$, behavior$: behavior(() => value$.value, value$ as Observable<unknown>) };
}

describe("A Behavior", () => {
  it("is a ref in Vue until the scope ends", () => {
    const { value$, behavior$ } = source();
    const scope = effectScope();
    const ref = scope.run(() => useBehavior(behavior$))!;
    expect(ref.value).toBe("a");
    value$.next("b");
    expect(ref.value).toBe("b");
    scope.stop();
    expect(value$.observed).toBe(false);
  });

  it("is a store in Svelte, read at once and without a subscription left", () => {
    const { value$, behavior$ } = source();
    const store = current(behavior$);
    expect(store.current).toBe("a");
    value$.next("b");
    expect(store.current).toBe("b");
    expect(value$.observed).toBe(false);
  });

  it("is a signal in Angular until its injection context ends", () => {
    const { value$, behavior$ } = source();
    const parent = Injector.create({ providers: [] });
    const injector = createEnvironmentInjector([], parent as EnvironmentInjector);
    const signal = runInInjectionContext(injector, () => signalOf(behavior$));
    expect(signal()).toBe("a");
    value$.next("b");
    expect(signal()).toBe("b");
    injector.destroy();
    expect(value$.observed).toBe(false);
  });

  it("is an accessor in Solid until its owner is disposed of", () => {
    const { value$, behavior$ } = source();
    createRoot((dispose) => {
      const value = accessor(behavior$);
      expect(value()).toBe("a");
      value$.next("b");
      expect(value()).toBe("b");
      dispose();
    });
    expect(value$.observed).toBe(false);
  });

  it("is an external store for React, whose snapshot stays the same until the value changes", () => {
    const { value$, behavior$ } = source();
    const { subscribe, getSnapshot } = externalStore(behavior$);
    let notified = 0;
    const unsubscribe = subscribe(() => (notified += 1));
    expect([getSnapshot(), notified]).toEqual(["a", 1]);
    value$.next("b");
    expect([getSnapshot(), notified]).toEqual(["b", 2]);
    unsubscribe();
    expect(value$.observed).toBe(false);
  });
});
