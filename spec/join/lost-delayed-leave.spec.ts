// Lost delayed leaves: servers and proxies on which delayed events cannot be managed, or not always.
import { asyncScheduler, filter, ignoreElements, interval, map, take, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinState } from "../../src/join/join-state.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import type { Fault } from "../../src/testing/index.ts";
import { lifecycle } from "./steps.ts";
import { alice, marbles, memberType, scene, toTheEnd } from "./scene.ts";
import { count, watch } from "./watch.ts";

const modes = ["compatibility", "matrix_2_0"] as const;
const always = { times: 100_000 };
const failing = (kind: MatrixErrorKind): Fault => ({ fail: new MatrixError(kind, kind), ...always });

describe("Delayed leaves that cannot be managed", () => {
  it.each(modes)("are given up when the server denies them (404) but sends them: one absence, in %s mode", (mode) => {
    const arrange = ({ home }: ReturnType<typeof scene>) => {
      for (const request of ["restart", "cancel", "send-delayed"] as const)
        home.injectFault({ request }, failing("not-found"));
    };
    const watched = watch({ forMs: 290_000, options: { mode }, arrange });
    expect(watched).toMatchObject({ leaves: 1, words: "joined, unsupported" });
    expect(watched.longestAbsenceMs).toBeLessThan(1_000);
    expect(count(watched, "D")).toBe(2);
  });

  it.each(modes)("are given up when restarts are refused for good, after two absences at most, in %s mode", (mode) => {
    for (const kind of ["forbidden", "other"] as const) {
      const arrange = ({ home }: ReturnType<typeof scene>) =>
        void home.injectFault({ request: "restart" }, failing(kind));
      const watched = watch({ forMs: 3_600_000, options: { mode }, arrange });
      expect(watched.words).toBe("joined, unsupported");
      expect(watched.leaves).toBeLessThanOrEqual(2);
      expect(count(watched, "D")).toBeLessThanOrEqual(2);
    }
  });

  it.each(modes)(
    "are given up for a while when restarts get no answer: two absences in ten minutes, in %s mode",
    (mode) => {
      const arrange = ({ home }: ReturnType<typeof scene>) =>
        void home.injectFault({ request: "restart" }, { lose: "request", ...always });
      const watched = watch({ forMs: 600_000, options: { mode }, arrange });
      expect(watched.words).toBe("joined, unsupported");
      expect(watched.leaves).toBeLessThanOrEqual(2);
      expect(watched.longestAbsenceMs).toBeLessThan(1_000);
    },
  );

  it("are not given up because one is lost now and then", () => {
    const arrange = ({ home }: ReturnType<typeof scene>) => {
      for (let ts = 7_000; ts < 290_000; ts += 20_000) timer(ts).subscribe(() => home.loseDelayed(alice));
    };
    expect(watch({ forMs: 290_000, arrange })).toMatchObject({ leaves: 0, words: "joined, armed" });
  });
});

it("One delayed leave that seems to be sent although it was restarted, and one that is lost, prove nothing", () => {
  const arrange = ({ home, roomId }: ReturnType<typeof scene>) => {
    // Another client of the user empties the membership, at a time when the delayed leave would be due without a restart.
    const overwrite = { type: memberType, sender: alice, stateKey: `_${alice}_A_m.call`, content: {} };
    timer(27_000).subscribe(() => home.setState(roomId, overwrite));
    timer(28_000).subscribe(() => home.loseDelayed(alice));
  };
  expect(watch({ forMs: 290_000, arrange })).toMatchObject({ leaves: 1, words: "joined, armed" });
});

describe.each(modes)("A server that answers restarts, but does not do them, in %s mode,", (mode) => {
  const arrange = ({ call }: ReturnType<typeof scene>) => {
    const { updateDelayedEvent } = call.matrix;
    const lying: typeof updateDelayedEvent = (delayId, action, options) =>
      action === "restart" ? timer(2).pipe(ignoreElements()) : updateDelayedEvent(delayId, action, options);
    Object.assign(call.matrix, { updateDelayedEvent: lying });
  };

  it("makes us leave twice, and then once in ten minutes", () => {
    const watched = watch({ forMs: 3_600_000, options: { mode }, arrange });
    expect(watched.leaves).toBeLessThanOrEqual(2 + 5);
    expect(count(watched, "D")).toBeGreaterThan(2);
    expect(watched.longestAbsenceMs).toBeLessThan(1_000);
    expect(watch({ forMs: 600_000, options: { mode }, arrange })).toMatchObject({
      leaves: 2,
      words: "joined, unsupported",
    });
  });

  it("has its answers believed for as long as the time between two restarts at most, once the leave was shown", () => {
    let longestMs = 0;
    toTheEnd(() => {
      const call = scene();
      arrange(call);
      let state: JoinState | undefined;
      let goneTs: number | undefined;
      interval(100)
        .pipe(takeUntil(timer(1_800_000)))
        .subscribe(() => {
          const isBelieved = state?.status === "joined" && state.delayedLeave.status === "armed";
          goneTs = isBelieved && call.home.delayed().length === 0 ? (goneTs ?? asyncScheduler.now()) : undefined;
          if (goneTs !== undefined) longestMs = Math.max(longestMs, asyncScheduler.now() - goneTs);
        });
      call.join({ mode, leaveOn: timer(1_800_001) }).subscribe((present) => (state = present));
    });
    expect(longestMs).toBeLessThanOrEqual(5_000);
  });
});

describe("A server that accepts shorter delays alone", () => {
  const server = { delayedEvents: { maxDelayMs: 10_000 } };

  it(
    "gets a delayed leave of that length although it was in trouble when we joined",
    marbles(({ cold, expectObservable }) => {
      const { home, join } = scene(server);
      cold("1s  x").subscribe(() => home.stop());
      cold("31s x").subscribe(() => home.start());
      const delay$ = join().pipe(
        filter((state) => state.status === "joined"),
        map(({ delayedLeave }) => (delayedLeave.status === "armed" ? "a" : "u")),
        take(1),
      );
      expectObservable(delay$, "2s ^ 90s !").toBe("31007ms (a|)");
    }),
  );

  it("gets a delayed leave of that length although it has refused one before", () => {
    const steps = lifecycle("state");
    steps.join();
    steps.at(5_000).input({ kind: "clock" });
    expect(steps.fails("not-found")).toEqual(["schedule"]);
    steps.fails("forbidden");
    steps.answerAll();
    expect(steps.state().delayedLeave.held.status).toBe("unsupported");
    expect(steps.at(305_000).input({ kind: "clock" })).toEqual(["write"]);
    steps.answerAll();
    expect(steps.at(605_000).input({ kind: "clock" })).toEqual(["schedule", "write"]);
    expect(steps.fails("max-delay-exceeded", { maxDelayMs: 10_000 })).toEqual(["schedule"]);
    steps.answers("$2");
    steps.answers("delay-2");
    expect(steps.state().delayedLeave.held).toMatchObject({ status: "armed", delayMs: 10_000 });
  });
});

describe("A server that sends a delayed leave at once instead of scheduling it", () => {
  it("is not asked for another in this join", () => {
    const arrange = ({ home }: ReturnType<typeof scene>) =>
      void home.injectFault({ request: "schedule" }, failing("unsupported"));
    const watched = watch({ forMs: 3_600_000, arrange });
    expect([count(watched, "D"), watched.leaves]).toEqual([1, 0]);
  });
});
