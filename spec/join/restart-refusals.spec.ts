// Restart refusals: what the refusal of a restart means, by what we know of the delayed leave at that time.
import { describe, expect, it } from "vitest";
import type { MatrixErrorKind } from "../../src/matrix.ts";
import { contentInput, lifecycle } from "./steps.ts";

const clock = { kind: "clock" } as const;
const gone = { kind: "membership", own: undefined } as const;

function joined(timing = {}, delegates = false) {
  const steps = lifecycle("state", timing, 0, { delegates });
  steps.join();
  return steps;
}

/** Asks the server at each second, and answers nothing. Returns what is asked. */
function tick(steps: ReturnType<typeof lifecycle>, fromTs: number, toTs: number): string[] {
  const asked: string[] = [];
  for (let ts = fromTs; ts <= toTs; ts += 1_000) asked.push(...steps.at(ts).input(clock));
  return asked;
}

describe("A restart that asks whether the delayed leave is still alive, since the room no longer shows us,", () => {
  it.each<MatrixErrorKind>(["other", "forbidden", "network", "timeout", "rate-limited"])(
    "does not hold up the re-join: after the error %s another one is scheduled, and the first is cancelled",
    (kind) => {
      const steps = joined();
      steps.answerAll();
      expect(steps.at(1_000).input(gone)).toEqual(["restart"]);
      expect(steps.fails(kind)).toEqual(["schedule", "cancel"]);
      expect(steps.open()).toMatchObject([{ kind: "schedule" }, { kind: "cancel", delayId: "delay-1" }]);
      expect(steps.answers("delay-2")).toEqual(["write"]);
    },
  );

  it("is the only one of that kind: a later restart that fails is repeated", () => {
    const steps = joined();
    steps.answerAll();
    steps.at(1_000).input(gone);
    expect(steps.answers()).toEqual(["write"]);
    steps.fails("rate-limited", { retryAfterMs: 20_000 });
    tick(steps, 2_000, 5_000);
    expect(steps.at(6_000).input(clock)).toEqual(["restart"]);
    expect(steps.fails("network")).toEqual([]);
    expect(tick(steps, 7_000, 8_000)).toEqual(["restart"]);
    expect(steps.state().delayedLeave.held).toMatchObject({ status: "armed", delayId: "delay-1" });
  });
});

describe("A restart that asks whether the delayed leave is still alive, since the clock has jumped,", () => {
  it.each<MatrixErrorKind>(["other", "forbidden", "network", "rate-limited"])(
    "is repeated after the error %s: the join goes on, with the same delayed leave",
    (kind) => {
      const steps = joined();
      steps.answerAll();
      expect(steps.at(3_600_000).input(clock)).toEqual(["restart"]);
      expect(steps.fails(kind, { retryAfterMs: 3_000 })).toEqual([]);
      expect(steps.state()).toMatchObject({ phase: "joined", delayedLeave: { held: { delayId: "delay-1" } } });
      expect(steps.at(3_603_000).input(clock)).toEqual(["restart"]);
      expect(steps.traced("rejoining")).toEqual([]);
      steps.answers();
      steps.input(gone);
      expect(steps.state().phase).toBe("rejoining");
    },
  );

  it("holds up nothing after an error: a member that is no longer shown joins again", () => {
    const steps = joined();
    steps.answerAll();
    steps.at(3_600_000).input(clock);
    steps.fails("network");
    steps.input(gone);
    expect(steps.state().phase).toBe("rejoining");
  });
});

describe("A delayed leave that comes due before anything was written", () => {
  const timing = { delayedLeaveMs: 4_000, delayedLeaveRestartMs: 1_000 };
  /** The delayed leave is scheduled too late for a safe write, and the restart has no answer when it is due. */
  const dueUnwritten = (kind: "state" | "sticky") => {
    const steps = lifecycle(kind, timing);
    steps.input(contentInput);
    steps.answers({});
    steps.at(3_500);
    expect(steps.answers("delay-1")).toEqual(["restart"]);
    return steps.at(4_200);
  };

  it.each<MatrixErrorKind>(["not-found", "conflict", "other", "forbidden"])(
    "has ended nothing if its key is our state key: another one is scheduled for the same join, after %s",
    (kind) => {
      const steps = dueUnwritten("state");
      expect(steps.fails(kind)).toEqual(["schedule"]);
      expect(steps.open()).toMatchObject([{ kind: "schedule", joinCount: 0 }]);
      expect(steps.traced("rejoining")).toEqual([]);
    },
  );

  it.each<MatrixErrorKind>(["not-found", "conflict", "other", "forbidden"])(
    "has ended our sticky member: another member joins, after %s",
    (kind) => {
      const steps = dueUnwritten("sticky");
      steps.fails(kind);
      expect(steps.traced("rejoining")).toEqual([{ kind: "rejoining", reason: "left-by-server", attempt: 1 }]);
      expect(steps.open()).toMatchObject([{ kind: "schedule", joinCount: 1 }]);
      expect(steps.state().phase).toBe("joining");
      // The first member was never written, so that there is nobody to remove.
      const asked: string[] = [];
      steps.answerAll((request) => asked.push(request));
      expect(asked.slice(0, 2)).toEqual(["schedule", "write"]);
      expect(asked).not.toContain("leave");
    },
  );
});

describe("A delegated delayed leave that is lost before its time", () => {
  const hourMs = 3_600_000;
  const delegated = () => {
    const steps = joined({}, true);
    expect(steps.answers("delay-long")).toEqual(["delegate"]);
    steps.answerAll();
    expect(steps.state().delayedLeave.held).toMatchObject({ delayId: "delay-long", delegated: true });
    return steps;
  };

  it("is replaced by a short one, and by another long one, which is delegated again", () => {
    const steps = delegated();
    expect(steps.at(300_000).input(clock)).toEqual(["restart"]);
    expect(steps.fails("not-found")).toEqual(["schedule"]);
    expect(steps.open()).toMatchObject([{ delayMs: 18_000, delegated: false }]);
    expect(steps.answers("delay-2")).toEqual(["schedule"]);
    expect(steps.open()).toMatchObject([{ delayMs: hourMs, delegated: true }]);
    expect(steps.answers("delay-3")).toEqual(["delegate"]);
  });

  it("is not delegated again if the short one is lost after the delegation was refused", () => {
    const steps = joined({}, true);
    steps.answers("delay-long");
    steps.fails("forbidden");
    expect(steps.traced("delegation-refused")).toEqual([{ kind: "delegation-refused", error: "forbidden" }]);
    steps.answerAll();
    expect(steps.at(5_000).input(clock)).toEqual(["restart"]);
    expect(steps.fails("not-found")).toEqual(["schedule"]);
    expect(steps.answers("delay-2")).toEqual([]);
  });

  it("is not forgotten while another one is already being delegated after a re-join", () => {
    const steps = delegated();
    expect(steps.at(1_000).input(gone)).toEqual(["restart"]);
    expect(steps.answers()).toEqual(["write"]);
    expect(steps.answers("$2")).toEqual(["restart", "schedule"]);
    const restart = steps.delays();
    expect(steps.answers("delay-long-2")).toEqual(["delegate"]);
    expect(restart.fails("not-found")).toEqual(["schedule"]);
    steps.input({ kind: "leave", cause: "leaveOn" });
    expect(steps.state().delayedLeave.obsolete).toMatchObject([{ delayId: "delay-long-2" }]);
  });
});

it("A long delayed leave that waits to be delegated is cancelled when we join again: it would end the next membership", () => {
  const steps = joined({}, true);
  expect(steps.answers("delay-long")).toEqual(["delegate"]);
  expect(steps.at(1_000).input(gone)).toEqual(["restart", "cancel"]);
  expect(steps.open()).toContainEqual({ kind: "cancel", delayId: "delay-long" });
});

it("A delegation that is refused after its timeout is traced once", () => {
  const steps = joined({ requestTimeoutMs: 3_000 }, true);
  const first = steps.delays();
  expect(steps.at(3_000).input(clock)).toEqual([]);
  first.fails("forbidden");
  expect(steps.traced("delegation-refused")).toEqual([{ kind: "delegation-refused", error: "timeout" }]);
});
