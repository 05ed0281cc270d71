import { switchMap } from "rxjs";
import { describe, it } from "vitest";
import { marbles, scene } from "./scene.ts";

describe("A delayed leave that is still being scheduled when its join is over", () => {
  it(
    "is cancelled as soon as its id is known, so that it does not end the next join",
    marbles(({ cold, expectObservable }) => {
      const { join, seen$, requests$ } = scene({ latencyMs: 100 });
      const joins$ = cold("a 249ms b").pipe(switchMap(() => join({ timing: { delayedLeaveRestartMs: 10_000 } })));
      expectObservable(joins$, "  ^ 35s !");
      expectObservable(requests$, "^ 9s !").toBe("C 199ms D 49ms C 149ms X 49ms D 199ms W 100ms R");
      expectObservable(seen$, "    ^ 35s !").toBe("n 750ms a", { n: "", a: "alice" });
    }),
  );
});
