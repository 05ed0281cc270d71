// Backoff: how long we wait, and what ends a wait. protocol.md 4.1.
import { filter, ignoreElements, throwError, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ownMembership } from "../../src/join/join.ts";
import { type JoinTiming, resolveJoinOptions } from "../../src/join/options.ts";
import { type Matrix, MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { callOf, marbles, scene, slot, toTheEnd } from "./scene.ts";
import { contentWith, lifecycle } from "./steps.ts";

/** When devices of Alice restart their delayed leaves, after the server was down from 5 s to 30 s. */
function restartsAfterOutage(jitter: number, devices: readonly string[]): number[][] {
  const restarts = devices.map((): number[] => []);
  toTheEnd(() => {
    const { home, roomId } = scene();
    timer(5_000).subscribe(() => home.stop());
    timer(30_000).subscribe(() => home.start());
    home.request$
      .pipe(filter(({ request, ts }) => request === "restart" && ts > 30_000))
      .subscribe(({ deviceId, ts }) => restarts[devices.indexOf(deviceId)]?.push(ts));
    for (const deviceId of devices) {
      const options = { timing: { jitter, delayedLeaveMs: 120_000 }, leaveOn: timer(60_000) };
      ownMembership(
        callOf(home.client("@alice:example.org", deviceId), roomId),
        resolveJoinOptions(slot, options),
      ).subscribe();
    }
  });
  return restarts;
}

describe("Devices whose server comes back after an outage", () => {
  const devices = ["A", "B", "C", "D", "E", "F"];

  it("restart at different times, and go on at different times", () => {
    const restarts = restartsAfterOutage(0.1, devices);
    expect(new Set(restarts.map(([first]) => first)).size).toBe(devices.length);
    expect(new Set(restarts.map(([, second]) => second)).size).toBe(devices.length);
    for (const [first = NaN] of restarts) expect(first).toBeLessThan(30_600);
  });

  it("do so at the same times in each run", () => {
    expect(restartsAfterOutage(0.1, devices)).toEqual(restartsAfterOutage(0.1, devices));
  });

  it("restart in step without jitter", () => {
    expect(new Set(restartsAfterOutage(0, devices).map(([first]) => first)).size).toBe(1);
  });
});

describe("The members of a call whose server was down for a minute", () => {
  it.each(["compatibility", "matrix_2_0"] as const)(
    "do not send at the same moment when it is back, in %s mode",
    (mode) => {
      const requestsAt = new Map<string, number>();
      toTheEnd(() => {
        const users = Array.from({ length: 20 }, (_, index) => `@user${index}:example.org`);
        const home = virtualHomeserver();
        const roomId = home.createRoom({ members: users });
        timer(60_000).subscribe(() => home.stop());
        timer(120_000).subscribe(() => home.start());
        home.request$.pipe(filter(({ ts }) => ts >= 120_000)).subscribe(({ ts, request }) => {
          requestsAt.set(`${request} ${ts}`, (requestsAt.get(`${request} ${ts}`) ?? 0) + 1);
        });
        for (const [index, user] of users.entries())
          timer(137 * index).subscribe(() =>
            ownMembership(
              callOf(home.client(user, "A"), roomId),
              resolveJoinOptions(slot, { mode, leaveOn: timer(180_000) }),
            ).subscribe(),
          );
      });
      // 20 members in half a second: a few meet by chance.
      expect(Math.max(...requestsAt.values())).toBeLessThanOrEqual(4);
    },
  );
});

describe("The wait after an error", () => {
  const clock = { kind: "clock" } as const;
  /** A member whose restarts are asked for at 5 s, and fail from then on. */
  const restarting = (timing = {}) => {
    const steps = lifecycle("state", { delayedLeaveMs: 3_600_000, rateLimitRetryMs: 7_000, ...timing });
    steps.join();
    expect(steps.at(5_000).input(clock)).toEqual(["restart"]);
    return steps;
  };

  it.each<[string, number | undefined, number]>([
    ["is the one that the server names", 700, 700],
    ["is our own if the server names none", undefined, 7_000],
    ["is our own if the server names one that is no number", NaN, 7_000],
    ["is our own if the server names one without an end", Infinity, 7_000],
    ["is a quarter of a second at least", 1, 250],
    ["is a quarter of a second if the server names one in the past", -5_000, 250],
    ["is five minutes at most", 86_400_000, 300_000],
  ])("%s: a rate limit of %d ms", (_, retryAfterMs, waitMs) => {
    const steps = restarting();
    steps.fails("rate-limited", retryAfterMs === undefined ? {} : { retryAfterMs });
    for (let ts = 6_000; ts < 5_000 + waitMs; ts += 1_000) expect(steps.at(ts).input(clock)).toEqual([]);
    expect(steps.at(5_000 + waitMs - 1).input(clock)).toEqual([]);
    expect(steps.at(5_000 + waitMs).input(clock)).toEqual(["restart"]);
  });

  it("is ten times as long after all retries, if the server keeps naming one that is too short", () => {
    const steps = restarting({ maxRetries: 1 });
    const asked: number[] = [];
    steps.fails("rate-limited", { retryAfterMs: 100 });
    for (let ts = 5_050; ts <= 11_000; ts += 50) {
      if (steps.at(ts).input(clock).length === 0) continue;
      asked.push(ts);
      steps.fails("rate-limited", { retryAfterMs: 100 });
    }
    expect(asked).toEqual([5_250, 5_500, 5_750, 8_250, 10_750]);
  });

  it("does not grow because requests before it got no answer", () => {
    const steps = restarting({ maxRetries: 2 });
    let askedTs = 5_000;
    for (let ts = 6_000; ts <= 20_000; ts += 1_000) if (steps.at(ts).input(clock).length > 0) askedTs = ts;
    while (steps.open().length > 1) steps.ignores();
    steps.fails("network");
    for (let ts = askedTs + 2_000; ts < 23_000; ts += 1_000) steps.at(ts).input(clock);
    expect(steps.at(23_000).input(clock)).toEqual(["restart"]);
  });

  it("counts from the first try if that got no answer for a long time: the next try comes at once", () => {
    const steps = restarting();
    expect(steps.at(7_000).input(clock)).toEqual(["restart"]);
  });

  it("is over for each kind of request when the network is back, and starts again with the next error", () => {
    const steps = restarting();
    steps.fails("network");
    steps.input(contentWith("audio"));
    steps.fails("network");
    expect(steps.at(6_000).input({ kind: "resumed" })).toEqual(["restart", "write"]);
    steps.fails("network");
    steps.fails("network");
    expect(steps.at(6_999).input(clock)).toEqual([]);
    expect(steps.at(7_000).input(clock)).toEqual(["restart"]);
    steps.answers();
    expect(steps.at(8_999).input(clock)).toEqual([]);
    expect(steps.at(9_000).input(clock)).toEqual(["write"]);
  });

  it("is forgotten with its failures after an answer", () => {
    const steps = restarting({ maxRetries: 1 });
    for (const ts of [5_000, 6_000, 7_000, 8_000]) {
      if (ts > 5_000) expect(steps.at(ts).input(clock)).toEqual(["restart"]);
      steps.fails("network");
    }
    for (let ts = 9_000; ts < 18_000; ts += 1_000) expect(steps.at(ts).input(clock)).toEqual([]);
    expect(steps.at(18_000).input(clock)).toEqual(["restart"]);
    steps.answers();
    expect(steps.at(23_000).input(clock)).toEqual(["restart"]);
    steps.fails("network");
    expect(steps.at(24_000).input(clock)).toEqual(["restart"]);
  });
});

describe("A restart that fails", () => {
  interface Case {
    readonly kind: MatrixErrorKind;
    readonly times: number;
    readonly timing?: JoinTiming;
    readonly watch: string;
    readonly requests: string;
  }
  /** From the second restart on, as many fail with this error. The delayed leave lasts longer than that. */
  const failing = ({ kind, times, timing, watch, requests }: Case) =>
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      const fail = new MatrixError(kind, kind);
      cold("1s x").subscribe(() => home.injectFault({ request: "restart" }, { fail, times }));
      expectObservable(requests$, watch).toBe(requests);
      const joined$ = join({ timing: { delayedLeaveMs: 120_000, ...timing } });
      expectObservable(joined$.pipe(ignoreElements()), watch).toBe("");
    });
  const each = (ms: number, times: number) => `R ${ms}ms `.repeat(times);

  it.each<[string, Case]>([
    [
      "because of the network, is asked for again after a second",
      { kind: "network", times: 2, watch: "^ 9s !", requests: "C-D-W-R 4999ms R 1001ms R 1001ms R" },
    ],
    [
      "because of the network, is asked for each second for half a minute, and then every ten seconds",
      { kind: "network", times: 99, watch: "^ 60s !", requests: `C-D-W-R 4999ms ${each(1_001, 30)}${each(10_001, 3)}` },
    ],
    [
      "because of the network, becomes rarer after the time that the options say",
      {
        kind: "network",
        times: 99,
        timing: { maxRetries: 2 },
        watch: "^ 25s !",
        requests: `C-D-W-R 4999ms ${each(1_001, 6)}${each(10_001, 2)}`,
      },
    ],
    [
      "because of the network, waits for a third of a longer networkRetryMs",
      {
        kind: "network",
        times: 99,
        timing: { networkRetryMs: 9_000, maxRetries: 1 },
        watch: "^ 50s !",
        requests: `C-D-W-R 4999ms ${each(3_001, 3)}${each(30_001, 2)}`,
      },
    ],
    [
      "because of the network, waits for whole milliseconds",
      {
        kind: "network",
        times: 2,
        timing: { networkRetryMs: 10_000 },
        watch: "^ 15s !",
        requests: "C-D-W-R 4999ms R 3334ms R 3334ms R",
      },
    ],
    [
      "because of the network, waits for a second if a third of networkRetryMs is less",
      {
        kind: "network",
        times: 99,
        timing: { networkRetryMs: 1_500, maxRetries: 2 },
        watch: "^ 19s !",
        requests: `C-D-W-R 4999ms ${each(1_001, 3)}${each(10_001, 2)}`,
      },
    ],
    [
      "because of the network, waits for networkRetryMs if that is shorter than a second",
      {
        kind: "network",
        times: 99,
        timing: { networkRetryMs: 400, maxRetries: 2 },
        watch: "^ 10s !",
        requests: `C-D-W-R 4999ms ${each(401, 2)}${each(4_001, 2)}`,
      },
    ],
    [
      "because of anything else, is asked for again after three seconds",
      { kind: "other", times: 2, watch: "^ 13s !", requests: "C-D-W-R 4999ms R 3001ms R 3001ms R" },
    ],
    [
      "with a timeout that comes at once, waits and becomes rarer as after an error of the network",
      { kind: "timeout", times: 99, watch: "^ 60s !", requests: `C-D-W-R 4999ms ${each(1_001, 30)}${each(10_001, 3)}` },
    ],
  ])("%s", (_, is) => failing(is)());

  it("because of anything else, does not wait longer because the network has lost many before it", () => {
    const steps = lifecycle("state", { delayedLeaveMs: 120_000 });
    steps.join();
    for (let ts = 5_000; ts < 17_000; ts += 1_000) {
      expect(steps.at(ts).input({ kind: "clock" })).toEqual(["restart"]);
      steps.fails("network");
    }
    expect(steps.at(17_000).input({ kind: "clock" })).toEqual(["restart"]);
    steps.fails("other");
    expect(steps.at(19_999).input({ kind: "clock" })).toEqual([]);
    expect(steps.at(20_000).input({ kind: "clock" })).toEqual(["restart"]);
  });
});

describe("A timeout", () => {
  const clock = { kind: "clock" } as const;
  const rare = { delayedLeaveMs: 3_600_000, delayedLeaveRestartMs: 1_800_000 };
  /** A member that has changed its intent, which is not answered yet. */
  const writing = (timing = {}) => {
    const steps = lifecycle("state", { ...rare, ...timing });
    steps.join();
    steps.answerAll();
    expect(steps.at(1_000).input(contentWith("audio"))).toEqual(["write"]);
    return steps;
  };

  it("that comes sooner than ours counts as trouble of the network: the next tries become rarer", () => {
    const steps = writing({ maxRetries: 2 });
    const asked: number[] = [];
    steps.fails("timeout");
    for (let ts = 1_500; ts <= 40_000; ts += 500) {
      if (steps.at(ts).input(clock).length === 0) continue;
      asked.push(ts);
      steps.fails("timeout");
    }
    expect(asked).toEqual([4_000, 7_000, 37_000]);
    const attempts = steps.traced("request-failed").map((entry) => entry.kind === "request-failed" && entry.attempt);
    expect(attempts).toEqual([1, 2, 3, 4]);
  });

  it("that comes a moment before ours does so, too", () => {
    const steps = writing();
    steps.at(10_999).fails("timeout");
    expect(steps.at(13_998).input(clock)).toEqual([]);
    expect(steps.at(13_999).input(clock)).toEqual(["write"]);
  });

  it("that comes sooner than ours is over when the client is in touch again", () => {
    const steps = writing();
    steps.fails("timeout");
    expect(steps.at(2_000).input({ kind: "resumed" })).toEqual(["write"]);
  });

  it("that comes sooner than ours is what the error of the join names", () => {
    const steps = lifecycle("state", { maxRetries: 0 });
    steps.input(contentWith("audio"));
    steps.answers({});
    steps.fails("timeout");
    expect(steps.state().leaving?.failure).toMatchObject({ code: "request-failed", cause: { kind: "timeout" } });
  });

  it("of ours is followed by the next try at once, however often it happens", () => {
    const steps = writing({ maxRetries: 2 });
    for (let ts = 11_000; ts < 100_000; ts += 10_000) {
      expect(steps.at(ts - 1).input(clock)).toEqual([]);
      expect(steps.at(ts).input(clock)).toEqual(["write"]);
    }
  });

  it("of ours that is short is followed by the next try a second after the last one", () => {
    const steps = writing({ requestTimeoutMs: 300 });
    for (let ts = 2_000; ts < 10_000; ts += 1_000) {
      for (const before of [-700, -1]) expect(steps.at(ts + before).input(clock)).toEqual([]);
      expect(steps.at(ts).input(clock)).toEqual(["write"]);
    }
  });
});

describe("A wait after trouble of the network", () => {
  it("is longer by the share that jitter allows, and never shorter", () => {
    const waits = Array.from({ length: 50 }, (_, seed) => {
      const steps = lifecycle("state", { jitter: 0.5 }, seed);
      steps.join();
      steps.at(5_000).input({ kind: "clock" });
      steps.fails("network");
      return (steps.state().requests.retries.restart?.retryUnlessBackTs ?? NaN) - 5_000;
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_500);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(333);
  });

  describe("in a page", () => {
    const page = new EventTarget();
    beforeEach(() => {
      vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
      vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    });
    afterEach(() => void vi.unstubAllGlobals());

    it(
      "ends when the platform says that it is online",
      marbles(({ cold, expectObservable }) => {
        const { home, requests$, join } = scene();
        cold("1s x").subscribe(() =>
          home.injectFault({ request: "restart" }, { fail: new MatrixError("network", "no"), times: 1 }),
        );
        cold("6s x").subscribe(() => page.dispatchEvent(new Event("online")));
        expectObservable(requests$, "                  ^ 9s !").toBe("C-D-W-R 4999ms R 993ms R");
        expectObservable(join().pipe(ignoreElements()), "^ 9s !").toBe("");
      }),
    );
  });
});

describe("A state member that joins again", () => {
  it("is the same object, so that media and keys go on", () => {
    const members = new Set<unknown>();
    toTheEnd(() => {
      const { home, join } = scene();
      timer(1_000).subscribe(() => home.stop());
      timer(25_000).subscribe(() => home.start());
      join({ leaveOn: timer(60_000) }).subscribe(({ member }) => members.add(member));
    });
    expect(members.size).toBe(1);
  });
});

describe("The failures of a request", () => {
  /** Alice joins, and some of her restarts fail. The attempt that each failure is traced as. */
  const attempts = (fail: (home: ReturnType<typeof scene>["home"]) => void): unknown[] => {
    const { home, join, trace } = scene();
    fail(home);
    join({ leaveOn: timer(60_000) }).subscribe();
    timer(50_000).subscribe(() =>
      found.push(...trace.flatMap((entry) => (entry.kind === "request-failed" ? [entry.attempt] : []))),
    );
    const found: unknown[] = [];
    return found;
  };
  const restart = { request: "restart" } as const;
  const network = { fail: new MatrixError("network", "no") };

  it.each<[string, number[], (home: ReturnType<typeof scene>["home"]) => void]>([
    [
      "are counted until one succeeds, and from one again afterwards",
      [1, 2, 1],
      (home) => {
        timer(1_000).subscribe(() => home.injectFault(restart, { ...network, times: 2 }));
        timer(30_000).subscribe(() => home.injectFault(restart, { ...network, times: 1 }));
      },
    ],
    [
      "are not counted if they timed out once we are in the call",
      [1, 1],
      (home) => timer(1_000).subscribe(() => home.injectFault(restart, { lose: "request", times: 2 })),
    ],
  ])("%s", (_, expected, fail) => {
    let found: unknown[] = [];
    toTheEnd(() => (found = attempts(fail)));
    expect(found).toEqual(expected);
  });
});

describe("The error of a join", () => {
  const refuse = (kind: MatrixErrorKind) => new MatrixError(kind, kind);

  it.each([
    ["forbidden", "join-refused"],
    ["unsupported", "unsupported"],
    ["too-large", "bad-argument"],
    ["network", "request-failed"],
    ["other", "request-failed"],
    ["logged-out", "logged-out"],
  ] as const)("has the answer of the server as its cause: %s", (kind, code) => {
    const errors: unknown[] = [];
    toTheEnd(() => {
      const { home, join } = scene();
      home.injectFault({ request: "send" }, { fail: refuse(kind), times: 100 });
      join({ timing: { maxRetries: 0 } }).subscribe({ error: (error: unknown) => errors.push(error) });
    });
    expect(errors).toMatchObject([{ code, cause: refuse(kind) }]);
  });

  it("has the error of an option as its cause", () => {
    const errors: unknown[] = [];
    const cause = new Error("no camera");
    toTheEnd(() =>
      scene()
        .join({ intent: throwError(() => cause) })
        .subscribe({ error: (error: unknown) => errors.push(error) }),
    );
    expect(errors).toMatchObject([{ code: "bad-argument", cause }]);
  });
});

describe("A restart without an answer", () => {
  it(
    "is listened to until a later one is answered, unless it was sent soon after another without an answer",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const { call, roomId } = scene();
      const first$ = cold<never>("-");
      const second$ = cold<never>("-");
      const third$ = cold<never>("-|");
      const answers = [first$, second$, third$];
      const matrix: Matrix = {
        ...call.matrix,
        updateDelayedEvent: (delayId, action, options) =>
          (action === "restart" && answers.shift()) || call.matrix.updateDelayedEvent(delayId, action, options),
      };
      const options = resolveJoinOptions(slot, { timing: { jitter: 0 } });
      expectObservable(ownMembership(callOf(matrix, roomId), options).pipe(ignoreElements()), "^ 5s !").toBe("");
      expectSubscriptions(first$.subscriptions).toBe("  ------^ 4000ms !");
      expectSubscriptions(second$.subscriptions).toBe(" ------ 2000ms ^ 1999ms !");
      expectSubscriptions(third$.subscriptions).toBe("  ------ 4000ms ^!");
    }),
  );
});
