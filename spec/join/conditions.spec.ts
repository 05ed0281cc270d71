// Conditions: a request that is only useful never holds up a join for long.
import { concat, filter, ignoreElements, switchMap, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { alice, bob, firstJoin, inWords, marbles, memberType, scene, smooth } from "./scene.ts";
import { watch } from "./watch.ts";

const modes = ["legacy", "compatibility", "matrix_2_0"] as const;
const words = { ...smooth, v: "vanished" };
const seen = { n: "", a: "alice" };
const always = { times: 100_000 };

describe("A member whose delayed leave was sent", () => {
  it.each(modes)("is back at once although no restart is answered, in %s mode", (mode) =>
    marbles(({ cold, expectObservable }) => {
      const { home, join, seen$ } = scene();
      cold("2s  x").subscribe(() => {
        const end = home.injectFault({ request: "restart" }, { lose: "request", ...always });
        timer(28_000).subscribe(end);
      });
      const state$ = join({ mode, timing: { delayedLeaveMs: 10_000 } });
      expectObservable(state$.pipe(ignoreElements()), "^ 12s !").toBe("");
      expectObservable(seen$, "                        ^ 12s !").toBe("n-----a 10001ms n---a", seen);
    })(),
  );

  it("is back at once each time while restarts alone are limited for minutes", () => {
    const fail = new MatrixError("rate-limited", "slow down", { retryAfterMs: 60_000 });
    const arrange = ({ home }: ReturnType<typeof scene>) =>
      void timer(10_000).subscribe(() => home.injectFault({ request: "restart" }, { fail, ...always }));
    const watched = watch({ forMs: 300_000, arrange });
    expect(watched.leaves).toBeLessThanOrEqual(2);
    expect(watched.longestAbsenceMs).toBeLessThan(100);
  });
});

describe("A member whose state was overwritten", () => {
  it(
    "is back after two seconds at most, although nobody answers whether its delayed leave is alive",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join, seen$ } = scene();
      const stateKey = `_${alice}_A_m.call`;
      cold("1s x").subscribe(() => {
        home.injectFault({ request: "restart" }, { lose: "request", times: 2 });
        home.setState(roomId, { type: memberType, sender: bob, stateKey, content: {} });
      });
      const needed$ = requests$.pipe(filter((letter) => letter !== "X"));
      expectObservable(needed$, "        ^ 4s  !").toBe("C-D-W-R 994ms R 1999ms D-W-R");
      expectObservable(seen$, "          ^ 30s !").toBe("n-----a 994ms n 2003ms a", seen);
      expectObservable(inWords(join()), "^ 30s !").toBe("a-d-w-j 994ms v 2003ms j", words);
    }),
  );
});

describe("A join", () => {
  it(
    "does not wait for a cancel of the delayed leave before for more than four seconds",
    marbles(({ cold, expectObservable }) => {
      const { home, join } = scene();
      home.injectFault({ request: "cancel" }, { lose: "request", ...always });
      home.injectFault({ request: "send-delayed" }, { fail: new MatrixError("network", "no"), ...always });
      const joins$ = concat(join({ leaveOn: timer(100) }).pipe(ignoreElements()), join());
      const started$ = cold("a").pipe(switchMap(() => joins$));
      expectObservable(firstJoin(started$), "^ 60s !").toBe("9108ms (j|)");
    }),
  );

  it(
    "waits for a closed slot to be opened, and for no other slot for more than four seconds",
    marbles(({ expectObservable }) => {
      for (const status of ["closed", "absent"] as const) {
        const { home, roomId, join } = scene();
        const slotEvent = { type: "org.matrix.msc4143.rtc.slot", sender: alice, stateKey: "m.call#ROOM" };
        if (status === "closed") home.setState(roomId, { ...slotEvent, content: { status } });
        home.injectFault({ request: "send", type: slotEvent.type }, { lose: "request" });
        const state$ = timer(2).pipe(switchMap(() => join({ mode: "matrix_2_0", openSlot: true })));
        const joinedTs = status === "closed" ? "10006ms (j|)" : "4004ms (j|)";
        expectObservable(firstJoin(state$), "^ 60s !").toBe(joinedTs);
      }
    }),
  );
});
