import { map } from "rxjs";
import { describe, it } from "vitest";
import { inWords, marbles, scene } from "./scene.ts";

describe("being a member of a call", () => {
  it(
    "schedules the delayed leave before it joins, restarts it at once and then every five seconds",
    marbles(({ expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      expectObservable(requests$, "^ 12s !").toBe("c-d-w-r 4999ms r 4999ms r");
      expectObservable(seen$, "^ 12s !").toBe("n-----a", { n: "", a: "alice" });
      expectObservable(inWords(join()), "^ 12s !").toBe("a-b-c-d", {
        a: "asking-server",
        b: "scheduling-leave",
        c: "sending-membership",
        d: "joined, armed",
      });
    }),
  );

  it.each(["legacy", "compatibility", "matrix_2_0"] as const)("joins and leaves in %s mode", (mode) => {
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      const leaveOn = cold("         -------x");
      expectObservable(requests$).toBe("c-d-w-rs");
      expectObservable(seen$, "^ 1m !").toBe("n-----a--n", { n: "", a: "alice" });
      expectObservable(join({ mode, leaveOn }).pipe(map(({ status }) => status))).toBe("a-a-a-bc-|", {
        a: "joining",
        b: "joined",
        c: "leaving",
      });
    })();
  });

  it(
    "leaves when unsubscribed from",
    marbles(({ expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      expectObservable(requests$).toBe("c-d-w-r 4999ms r 2999ms s");
      expectObservable(seen$, "^ 1m !").toBe("n-----a 8001ms n", { n: "", a: "alice" });
      expectObservable(inWords(join()), "^ 8005ms !").toBe("a-b-c-d", {
        a: "asking-server",
        b: "scheduling-leave",
        c: "sending-membership",
        d: "joined, armed",
      });
    }),
  );
});
