// Unwanted leaves: delayed leaves that we have replaced, how many we remember, and when they prove that restarts do not work.
import { describe, expect, it } from "vitest";
import { contentInput, lifecycle, own } from "./steps.ts";

const clock = { kind: "clock" } as const;
const gone = { kind: "membership", own: undefined } as const;

describe("Delayed leaves that are replaced again and again", () => {
  it("are remembered up to ten, the newest one among them, so that a hostile room cannot fill our memory", () => {
    const steps = lifecycle("state", { networkRetryMs: 600_000, delayedLeaveMs: 3_600_000 });
    steps.join();
    for (let round = 0; round < 14; round += 1) {
      const ts = round * 31_000;
      // The room hides us, and the server does not say whether the delayed leave is alive. No cancel succeeds.
      steps.at(ts).input(gone);
      for (let now = ts; now < ts + 31_000; now += 1_000) {
        steps.at(now).input(clock);
        for (let [request] = steps.open(); request; [request] = steps.open()) {
          if (request.kind === "cancel") steps.fails("network");
          else if (request.kind === "restart" && steps.state().phase === "rejoining") steps.fails("other");
          else steps.answers(`${request.kind} ${round}`);
        }
      }
      steps.input({ kind: "membership", own: { ...own, eventId: `write ${round}` } });
    }
    expect(steps.traced("rejoining")).toHaveLength(14);
    expect(steps.state().delayedLeave.obsolete).toHaveLength(10);
    expect(steps.state().delayedLeave.obsolete).toContainEqual(expect.objectContaining({ delayId: "schedule 12" }));
  });
});

describe("A member that goes on without a delayed leave", () => {
  it.each([
    ["state", true],
    ["sticky", false],
  ] as const)("%s: writes an earlier end of its membership: %s", (kind, isWritten) => {
    const steps = lifecycle(kind);
    steps.join();
    expect(steps.at(5_000).input(clock)).toEqual(["restart"]);
    expect(steps.fails("unsupported")).toEqual(isWritten ? ["write"] : []);
    expect(steps.traced("delayed-leave-unsupported")).toEqual([
      { kind: "delayed-leave-unsupported", error: "unsupported" },
    ]);
    if (isWritten) expect(steps.open()).toMatchObject([{ reason: "refresh", lifetimeMs: 600_000 }]);
  });

  it("writes nothing more before it has joined: the first write ends early by itself", () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    steps.answers({});
    expect(steps.fails("unsupported")).toEqual(["write"]);
    expect(steps.open()).toMatchObject([{ reason: "join", lifetimeMs: 600_000 }]);
    steps.answers("$1");
    steps.input({ kind: "membership", own });
    for (let ts = 1_000; ts < 60_000; ts += 1_000) expect(steps.at(ts).input(clock)).toEqual([]);
  });
});

describe("Two delayed leaves that are lost", () => {
  /** The second delayed leave is lost, too: this long after it was scheduled, and after this many answered restarts. */
  const lostTwice = (restarts: number) => {
    const steps = lifecycle("state");
    steps.join();
    steps.at(5_000).input(clock);
    steps.fails("not-found");
    steps.answers("delay-2");
    let ts = 5_000;
    for (let count = 0; count < restarts; count += 1) {
      ts += 5_000;
      expect(steps.at(ts).input(clock)).toEqual(["restart"]);
      steps.answers();
    }
    ts += 5_000;
    steps.at(ts).input(clock);
    steps.fails("not-found");
    return steps.state().delayedLeave;
  };

  it("prove that restarts do not work, if none was answered meanwhile", () => {
    expect(lostTwice(0).held).toEqual({ status: "unsupported", retryTs: Infinity });
  });

  it.each([1, 2, 5])("prove nothing after %d answered restarts", (restarts) => {
    expect(lostTwice(restarts).held.status).toBe("wanted");
  });

  it("may both still be sent, until the later one would be due", () => {
    expect(lostTwice(0).mayFireUntilTs).toBe(23_000);
  });
});
