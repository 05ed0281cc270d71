import { switchMap } from "rxjs";
import { describe, it } from "vitest";
import { marbles, scene } from "./scene.ts";

describe("a delayed leave that is still being scheduled when its join is over", () => {
  it(
    "is cancelled as soon as its id is known, so that it does not end the next join",
    marbles(({ cold, expectObservable }) => {
      const { join, seen$, requests$ } = scene({ latencyMs: 100 });
      const joins$ = cold("a 249ms b").pipe(switchMap(() => join({ delayedLeaveRestartMs: 10_000 })));
      expectObservable(joins$, "  ^ 35s !");
      expectObservable(requests$, "^ 9s !").toBe("c 199ms d 49ms c 149ms x 49ms d 199ms w 100ms r");
      expectObservable(seen$, "    ^ 35s !").toBe("n 750ms a", { n: "", a: "alice" });
    }),
  );
});
