// A slow server: answers that come later than we wait for them. A late answer counts for every request.
import {
  asyncScheduler,
  concat,
  distinctUntilChanged,
  filter,
  ignoreElements,
  map,
  skip,
  switchMap,
  takeUntil,
  timer,
} from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinOptions } from "../../src/join/options.ts";
import { MatrixError } from "../../src/matrix.ts";
import type { RequestFilter } from "../../src/testing/index.ts";
import { alice, bob, firstJoin, marbles, memberType, scene, toTheEnd } from "./scene.ts";

const seen = { n: "", a: "alice" };
const slotType = "org.matrix.msc4143.rtc.slot";
/** So often that it is for good. */
const always = { times: 100_000 };

describe("On a slow server, a join", () => {
  it(
    "succeeds after an earlier join whose delayed leave has to be cancelled (answers take 4.4 s)",
    marbles(({ cold, expectObservable }) => {
      const { join } = scene({ latencyMs: 2_200 });
      const first$ = cold("                    1s a").pipe(switchMap(() => join({ leaveOn: timer(39_000) })));
      const second$ = cold("                  80s a").pipe(switchMap(() => join()));
      expectObservable(first$.pipe(ignoreElements()), "^ 75s  !");
      expectObservable(firstJoin(second$), "           ^ 140s !").toBe("90601ms (j|)");
    }),
  );

  it(
    "succeeds after an earlier join if it waits 288 ms for answers that take 800 ms",
    marbles(({ cold, expectObservable }) => {
      const { join } = scene({ latencyMs: 400 });
      const timing = { delayedLeaveRestartTimeoutMs: 288 };
      const leave = { timing, leaveReason: { code: "leave" }, leaveOn: timer(20_000) };
      const joins$ = concat(join(leave).pipe(ignoreElements()), join({ timing }));
      const started$ = cold("a").pipe(switchMap(() => joins$));
      expectObservable(firstJoin(started$), "^ 60s !").toBe("22690ms (j|)");
    }),
  );

  it(
    "goes on without opening the slot if the refusal of that comes late",
    marbles(({ expectObservable }) => {
      const { home, join } = scene({ members: [bob, alice] });
      home.injectFault({ request: "send", type: slotType }, { lateMs: 12_000, ...always });
      expectObservable(firstJoin(join({ openSlot: true })), "^ 60s !").toBe("4002ms (j|)");
    }),
  );

  it.each<[string, RequestFilter, JoinOptions, string]>([
    ["the capability", { request: "delayed-events" }, {}, "2004ms (j|)"],
    ["the slot", { request: "send", type: slotType }, { openSlot: true }, "4002ms (j|)"],
    ["a delayed leave", { request: "schedule" }, {}, "110002ms #"],
    ["the membership", { request: "send", type: memberType }, {}, "120004ms #"],
    ["a restart", { request: "restart" }, {}, "------(j|)"],
  ])("ends, joined or failed, if no request for %s is ever answered", (_, request, options, expected) =>
    marbles(({ expectObservable }) => {
      const { home, join } = scene();
      home.injectFault(request, { lose: "request", ...always });
      const state$ = join({ ...options, timing: { expiryMs: 86_400_000 } });
      expectObservable(firstJoin(state$), "^ 300s !").toBe(expected, undefined, "request-failed");
    })(),
  );

  it("fails if its membership is refused late", () => {
    const errors: unknown[] = [];
    toTheEnd(() => {
      const { home, join } = scene();
      const fail = new MatrixError("forbidden", "no");
      home.injectFault({ request: "send", type: memberType }, { fail, lateMs: 10_500, ...always });
      join().subscribe({ error: ({ code }) => errors.push(code) });
    });
    expect(errors).toEqual(["join-refused"]);
  });
});

describe("On a slow server, a member", () => {
  it(
    "stays in the call while its first delayed leave is scheduled twice (answers take 10.2 s)",
    marbles(({ expectObservable }) => {
      const { join, seen$ } = scene({ latencyMs: 5_100 });
      expectObservable(join().pipe(ignoreElements()), "^ 20m !").toBe("");
      expectObservable(seen$, "                        ^ 20m !").toBe("n 17300ms a", seen);
    }),
  );

  it("counts as probably left for less than 7 s after 8 s in which its restarts are lost (answers take 2.5 s)", () => {
    const changes: number[] = [];
    toTheEnd(() => {
      const { home, join } = scene();
      timer(60_000).subscribe(() => {
        home.injectFault({ request: "restart" }, { lose: "request", times: 4 });
        home.injectFault({ request: "restart" }, { lateMs: 2_500, ...always });
      });
      const isLeft$ = join({ leaveOn: timer(300_000) }).pipe(
        map((state) => state.status === "joined" && state.probablyLeft),
        distinctUntilChanged(),
        skip(1),
      );
      isLeft$.subscribe(() => changes.push(asyncScheduler.now()));
    });
    const [fromTs = 0, toTs = 0] = changes;
    expect(changes).toHaveLength(2);
    expect(toTs - fromTs).toBeLessThan(7_000);
  });

  it.each(["compatibility", "matrix_2_0"] as const)(
    "writes a change of its intent twice at most, though each answer comes too late, in %s mode",
    (mode) => {
      let writes = 0;
      toTheEnd(() => {
        const { join, requests$ } = scene({ latencyMs: 5_100 });
        const intent = concat(
          timer(0).pipe(switchMap(() => ["audio"])),
          timer(60_000).pipe(switchMap(() => ["video"])),
        );
        requests$
          .pipe(
            filter((letter) => letter === "W"),
            takeUntil(timer(1_200_000)),
          )
          .subscribe(() => (writes += 1));
        join({ mode, intent, leaveOn: timer(1_200_000) }).subscribe({ error: () => {} });
      });
      expect(writes).toBeLessThanOrEqual(4);
    },
  );
});
