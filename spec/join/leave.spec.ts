import { concat, merge, of, switchMap, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { objectOr } from "../../src/room/json.ts";
import { inWords, marbles, memberType, scene, smooth, stickyType, toTheEnd } from "./scene.ts";

const seen = { n: "", a: "alice" };
const modes = ["legacy", "compatibility", "matrix_2_0"] as const;

describe("leaving", () => {
  it.each([
    ["before anything is asked", of(0), "    ", "       (l|)"],
    ["while the server is asked", timer(1), "c", "         a(l|)"],
    ["while the delayed leave is scheduled", timer(3), "c-d-x", "a-dl--|"],
    ["while the join is sent", timer(5), "   c-d-w-s", "   a-d-wl--|"],
    ["while the join is probed", timer(7), " c-d-w-rs", "  a-d-w-jl-|"],
  ])("is possible %s", (_, leaveOn, requests, states) =>
    marbles(({ expectObservable }) => {
      const { requests$, join } = scene();
      expectObservable(requests$, "                  ^ 1m !").toBe(requests.trim());
      expectObservable(inWords(join({ leaveOn })), " ^ 1m !").toBe(states, smooth);
    })(),
  );

  it("is told before anything is sent", () => {
    const told: string[] = [];
    toTheEnd(() => {
      const { requests$, join } = scene();
      merge(requests$, inWords(join({ leaveOn: timer(1_000) }))).subscribe((what) => told.push(what));
    });
    expect(told.slice(-2)).toEqual(["leaving", "s"]);
  });

  it(
    "is confirmed by the room if the answer is lost",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      const leaveOn = cold("                         1s        x");
      home.injectFault({ request: "send-delayed" }, { lose: "response" });
      expectObservable(requests$, "                 ^ 9s !").toBe("c-d-w-r 993ms s");
      expectObservable(inWords(join({ leaveOn })), "^ 9s !").toBe("a-d-w-j 993ms l-|", smooth);
    }),
  );

  it(
    "fails when it takes too long, goes on for half a minute, and has the delayed leave behind it",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene();
      cold("1s  x").subscribe(() => home.stop());
      cold("40s x").subscribe(() => home.start());
      const state$ = inWords(join({ leaveOn: cold("2s x"), leaveTimeoutMs: 5_000 }));
      expectObservable(requests$, "^ 1m !").toBe(`c-d-w-r 1993ms s 3001ms ${"l 3001ms ".repeat(8)} l`);
      expectObservable(state$, "   ^ 1m !").toBe("a-d-w-j 1993ms l 4999ms #", smooth, "leave-timeout");
      expectObservable(seen$, "    ^ 1m !").toBe("n-----a 39994ms n", seen);
    }),
  );

  it("shows why in matrix_2_0 mode", () => {
    const contents: unknown[] = [];
    toTheEnd(() => {
      const { join, sent } = scene();
      const leaveReason = { code: "leave", reason: "lunch" };
      join({ mode: "matrix_2_0", leaveReason, leaveOn: timer(1_000) }).subscribe({
        complete: () => contents.push(...sent(stickyType).slice(1)),
      });
    });
    expect(contents).toMatchObject([
      { member: { membership: "leave" }, leave_reason: { code: "leave", reason: "lunch" } },
    ]);
  });
});

describe("unsubscribing", () => {
  it.each(modes)("at any moment of a join leaves nobody and nothing behind, in %s mode", (mode) => {
    for (let ms = 0; ms < 15; ms += 1) {
      toTheEnd(() => {
        const { home, roomId, join, membership$ } = scene();
        const joined = join({ mode }).subscribe();
        timer(ms).subscribe(() => joined.unsubscribe());
        timer(60_000).subscribe(() => {
          expect([ms, membership$.value, home.delayed()]).toEqual([ms, [], []]);
          const last = home.events(roomId).findLast(({ type }) => type === memberType || type === stickyType);
          expect(objectOr(last?.content)).not.toHaveProperty("application");
        });
      });
    }
    expect.assertions(30);
  });

  it(
    "falls back to a leave, as when told to leave",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene();
      home.injectFault({ request: "send-delayed" }, { fail: new MatrixError("network", "no answer") });
      expectObservable(requests$, "^ 9s !").toBe("c-d-w-r 993ms s 3001ms l-x");
      expectObservable(seen$, "    ^ 9s !").toBe("n-----a 3997ms n", seen);
      cold("                       j 999ms -")
        .pipe(
          switchMap(() => join()),
          takeUntil(timer(1_000)),
        )
        .subscribe();
    }),
  );

  it(
    "and joining again at once ends with us in the call",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene({ latencyMs: 2 });
      expectObservable(requests$, "^ 2s  !").toBe("c---d---w--r 988ms (sc)x---d---w--r");
      expectObservable(seen$, "    ^ 30s !").toBe("n----------a 991ms n 11ms          a", seen);
      cold("                       j 999ms               j")
        .pipe(
          switchMap(() => join()),
          takeUntil(timer(30_000)),
        )
        .subscribe();
    }),
  );

  it(
    "cancels first what an earlier leave had to leave behind",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene();
      // The first join gets no answer, so that its leave is sent without knowing whether it had joined.
      home.injectFault({ request: "send" }, { lose: "request" });
      const joins$ = concat(join({ leaveOn: timer(5) }), join({ leaveOn: timer(30_000) }));
      expectObservable(requests$, "^ 3s  !").toBe("c-d-w 2000ms l-c-x-d-w-r");
      expectObservable(seen$, "    ^ 30s !").toBe("n 2014ms a", seen);
      cold("                       j")
        .pipe(switchMap(() => joins$))
        .subscribe();
    }),
  );
});
