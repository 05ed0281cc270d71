// Cleanup: delayed leaves that we no longer want are cancelled until they can do no harm.
import { EMPTY, filter, ignoreElements } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { marbles, scene } from "./scene.ts";
import { contentInput, lifecycle } from "./steps.ts";

const seen = { n: "", a: "alice" };

describe("A delayed leave that we no longer want", () => {
  it.each([
    ["lost", { lose: "request", times: 2 }],
    ["limited", { fail: new MatrixError("rate-limited", "slow down", { retryAfterMs: 3_000 }), times: 2 }],
    ["answered by a broken server", { fail: new MatrixError("network", "502"), times: 2 }],
  ] as const)("is cancelled again if the cancel is %s: a second one, scheduled by a late answer", (_, fault) =>
    marbles(({ expectObservable }) => {
      const { home, join, seen$ } = scene();
      home.injectFault({ request: "schedule" }, { lateMs: 11_000 });
      home.injectFault({ request: "schedule" }, { lateMs: 1_500 });
      home.injectFault({ request: "cancel" }, fault);
      expectObservable(join().pipe(ignoreElements()), "^ 120s !").toBe("");
      expectObservable(seen$, "                        ^ 119s !").toBe("n 11005ms a", seen);
    })(),
  );

  it(
    "is cancelled again if the cancel is lost: the short one, after the long one was delegated",
    marbles(({ expectObservable }) => {
      const { home, join, seen$ } = scene({ latencyMs: 2 });
      home.injectFault({ request: "cancel" }, { lose: "request", times: 2 });
      const state$ = join({
        delegate: () => EMPTY,
        timing: { delegatedLeaveMs: 120_000, delegatedLeaveRestartMs: 60_000 },
      });
      expectObservable(state$.pipe(ignoreElements()), "^ 300s !").toBe("");
      expectObservable(seen$, "                        ^ 299s !").toBe("n----------a", seen);
    }),
  );

  it(
    "is cancelled again if the cancel is lost: the long one, after its delegation was refused",
    marbles(({ expectObservable }) => {
      const { home, join, seen$ } = scene();
      home.injectFault({ request: "cancel" }, { lose: "request", times: 2 });
      const delegate = () => {
        throw new Error("not here");
      };
      const state$ = join({ delegate, timing: { delegatedLeaveMs: 120_000, delegatedLeaveRestartMs: 60_000 } });
      expectObservable(state$.pipe(ignoreElements()), "^ 300s !").toBe("");
      expectObservable(seen$, "                        ^ 299s !").toBe("n-----a", seen);
    }),
  );

  it(
    "is cancelled again if the cancel is lost: one whose id came after its join had ended",
    marbles(({ expectObservable }) => {
      const { home, join, seen$ } = scene({ latencyMs: 100 });
      home.injectFault({ request: "cancel" }, { fail: new MatrixError("network", "502"), times: 2 });
      expectObservable(join(), "       ^ 250ms !");
      expectObservable(join().pipe(ignoreElements()), "300ms ^ 120s !").toBe("");
      expectObservable(seen$, "                        ^ 119s !").toBe("n 800ms a", seen);
    }),
  );

  it(
    "does not wait because another one is gone already",
    marbles(({ expectObservable }) => {
      const { home, join, requests$ } = scene();
      for (const lateMs of [22_000, 12_100, 2_100]) home.injectFault({ request: "schedule" }, { lateMs });
      home.injectFault({ request: "cancel" }, { fail: new MatrixError("not-found", "gone") });
      const cancels$ = requests$.pipe(filter((letter) => letter === "X"));
      expectObservable(join({ timing: { delayedLeaveMs: 60_000 } }).pipe(ignoreElements()), "^ 40s !").toBe("");
      // Three are scheduled, and the answers of the second and the third come at the same time.
      expectObservable(cancels$, "^ 30s !").toBe("22104ms X-X");
    }),
  );
});

describe("The cancel of a delayed leave that we no longer want", () => {
  const clock = { kind: "clock" } as const;
  /** A join that takes over delayed leaves of the join before. Its own first request is answered. */
  const takingOver = (...delayIds: string[]) => {
    const steps = lifecycle("state");
    const obsolete = delayIds.map((delayId) => ({ delayId, untilTs: 60_000 }));
    steps.input({ kind: "unblocked", obsolete, isMember: false });
    steps.answers({});
    return steps;
  };
  /** Answers the cancels until a time with these errors, one after the other. Returns what was cancelled. */
  const cancels = (steps: ReturnType<typeof lifecycle>, errors: readonly MatrixErrorKind[]): unknown[] => {
    const asked: unknown[] = [];
    const rest = [...errors];
    for (let ts = 0; ts <= 40_000; ts += 1_000) {
      steps.at(ts).input(clock);
      for (let [request] = steps.open(); request?.kind === "cancel"; [request] = steps.open()) {
        asked.push(request.delayId);
        steps.fails(rest.shift() ?? "not-found");
      }
    }
    return asked;
  };

  it.each<[string, MatrixErrorKind[], number]>([
    ["is enough if the delayed leave is gone", ["not-found"], 1],
    ["is enough if the delayed leave was sent or cancelled", ["conflict"], 1],
    ["is enough if the server has no delayed events any more", ["unsupported"], 1],
    ["is tried again after trouble of the network", ["network", "timeout", "rate-limited", "not-found"], 4],
    ["is tried four times if it is refused", ["other", "forbidden", "other", "other", "other"], 4],
  ])("%s (%j)", (_, errors, times) => {
    expect(cancels(takingOver("a"), errors)).toEqual(Array.from({ length: times }, () => "a"));
  });

  it("has all its tries, also if the cancels of others were refused", () => {
    const asked = cancels(takingOver("a", "b"), ["other", "other", "other", "not-found", "other", "not-found"]);
    expect(asked).toEqual(["a", "b", "a", "b", "a", "a"]);
  });

  it("does not end the join if the server gives one id to two delayed leaves", () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    steps.answers({});
    const first = steps.delays();
    steps.at(10_000).input(clock);
    steps.answers("the-same");
    expect(first.answers("the-same")).toEqual(["cancel"]);
    steps.answers("$1");
    steps.fails("network");
    expect(steps.state()).toMatchObject({ phase: "joined", isOver: false });
  });
});
