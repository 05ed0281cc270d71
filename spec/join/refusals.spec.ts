// Refusals: what an error of the server changes when it comes late, when it concerns an earlier try, and when it ends the join.
import { describe, expect, it } from "vitest";
import { RtcError } from "../../src/errors.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { scene, toTheEnd } from "./scene.ts";
import { contentInput, contentWith, lifecycle, own } from "./steps.ts";

const clock = { kind: "clock" } as const;
const gone = { kind: "membership", own: undefined } as const;
const minuteMs = 60_000;

/** A join whose delayed leave is scheduled, and whose write has no answer yet. */
function writing(kind: "state" | "sticky" = "state", timing = {}) {
  const steps = lifecycle(kind, timing);
  steps.input(contentInput);
  steps.answers({});
  steps.answers("delay-1");
  return steps;
}

function joined(kind: "state" | "sticky" = "state", timing = {}) {
  const steps = lifecycle(kind, timing);
  steps.join();
  return steps;
}

describe("The error that ends a join", () => {
  it.each<[MatrixErrorKind, string, string]>([
    ["logged-out", "logged-out", "the client was logged out"],
    ["forbidden", "join-refused", "we may not send our membership to this room"],
    ["too-large", "bad-argument", "the membership is too large: application or transports"],
    ["unsupported", "unsupported", "the homeserver cannot carry our membership"],
    ["other", "request-failed", "the homeserver kept refusing: other"],
    ["network", "request-failed", "the homeserver kept refusing: network"],
  ])("has the error of the server as its cause: %s becomes %s", (kind, code, message) => {
    const errors: unknown[] = [];
    const cause = new MatrixError(kind, "as the server says it");
    toTheEnd(() => {
      const { home, join } = scene();
      home.injectFault({ request: "send" }, { fail: cause, times: 100 });
      join({ timing: { maxRetries: 1 } }).subscribe({ error: (error) => errors.push(error) });
    });
    expect(errors).toEqual([expect.any(RtcError)]);
    expect(errors[0]).toMatchObject({ code, message });
    expect((errors[0] as RtcError).cause).toBe(cause);
  });
});

describe("A refusal that comes late", () => {
  it("changes nothing if it is of the limits of delayed events: the delayed leave is scheduled already", () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    const limits = steps.delays();
    expect(steps.at(2_000).input(clock)).toEqual(["schedule"]);
    steps.answers("delay-1");
    expect(limits.fails("other")).toEqual([]);
    expect(steps.state().delayedLeave.held).toMatchObject({ status: "armed", delayId: "delay-1" });
  });

  it.each<MatrixErrorKind>(["forbidden", "unsupported", "not-found", "other", "max-delay-exceeded"])(
    "changes nothing if it is of a delayed leave, and another try has scheduled one: %s",
    (kind) => {
      const steps = lifecycle("state");
      steps.input(contentInput);
      steps.answers({});
      const first = steps.delays();
      expect(steps.at(10_000).input(clock)).toEqual(["schedule"]);
      expect(steps.answers("delay-1")).toEqual(["write"]);
      expect(first.fails(kind)).toEqual([]);
      expect(steps.state().delayedLeave.held).toMatchObject({ status: "armed", delayId: "delay-1" });
    },
  );

  it("does not stop our requests if it says that the access token had expired then", () => {
    const steps = joined();
    steps.at(5_000).input(clock);
    const restart = steps.delays();
    expect(steps.at(7_000).input(clock)).toEqual(["restart"]);
    restart.fails("soft-logged-out");
    steps.answers();
    expect(steps.at(12_000).input(clock)).toEqual(["restart"]);
  });

  it("does not end the join if it is of a write of the instance before", () => {
    const steps = joined();
    steps.answerAll();
    steps.at(1_000).input(contentWith("audio"));
    const update = steps.delays();
    steps.at(2_000).input(gone);
    expect(steps.state().phase).toBe("rejoining");
    update.fails("forbidden");
    expect(steps.state().phase).toBe("rejoining");
    steps.answerAll();
    expect(steps.state().phase).toBe("joined");
  });

  it("does not end the join if the room has shown us meanwhile", () => {
    const steps = writing();
    const write = steps.delays();
    steps.at(100).input({ kind: "membership", own });
    expect(steps.state().phase).toBe("joined");
    write.fails("forbidden");
    expect(steps.state().phase).toBe("joined");
  });
});

it("A member that was hidden, and that the room shows again, stays in the call although its write is refused late", () => {
  const steps = joined();
  steps.at(1_000).input(gone);
  steps.answers();
  const write = steps.delays();
  steps.at(1_100).input({ kind: "membership", own: { ...own, eventId: "$2" } });
  expect(steps.state().phase).toBe("joined");
  write.fails("forbidden");
  expect(steps.state().phase).toBe("joined");
});

describe("A write that was refused", () => {
  const update = contentWith("audio");

  const rareRestarts = { delayedLeaveMs: 60_000, delayedLeaveRestartMs: 50_000 };

  it.each<[MatrixErrorKind, number]>([
    ["network", 3_000],
    ["rate-limited", 5_000],
    ["timeout", 3_000],
    ["other", 3_000],
    ["conflict", 3_000],
  ])("is repeated if it changes something: %s, after %d ms", (kind, waitMs) => {
    const steps = joined("state", rareRestarts);
    expect(steps.at(100).input(update)).toEqual(["write"]);
    expect(steps.fails(kind)).toEqual([]);
    expect(steps.at(100 + waitMs - 1).input(clock)).toEqual([]);
    expect(steps.at(100 + waitMs).input(clock)).toEqual(["write"]);
    expect(steps.open()).toMatchObject([{ kind: "write", reason: "update", content: { intent: "audio" } }]);
  });

  it("is repeated when the client is in touch again, if its access token had expired", () => {
    const steps = joined();
    steps.answerAll();
    steps.at(100).input(update);
    expect(steps.fails("soft-logged-out")).toEqual([]);
    expect(steps.at(200).input({ kind: "resumed" })).toEqual(["write"]);
    expect(steps.open()).toMatchObject([{ kind: "write", reason: "update", content: { intent: "audio" } }]);
  });

  it("is the only thing that is written then: the refusal of a restart brings no write", () => {
    const steps = joined();
    steps.answerAll();
    steps.at(5_000).input(clock);
    expect(steps.fails("soft-logged-out")).toEqual([]);
    expect(steps.at(5_100).input({ kind: "resumed" })).toEqual(["restart"]);
    expect(steps.answers()).toEqual([]);
  });

  it("is followed by a later change, though a restart was refused meanwhile", () => {
    const steps = joined();
    steps.answerAll();
    steps.at(5_000).input(clock);
    steps.fails("soft-logged-out");
    expect(steps.at(5_100).input(update)).toEqual([]);
    expect(steps.at(5_200).input({ kind: "resumed" })).toEqual(["restart", "write"]);
    expect(steps.open()).toMatchObject([{}, { kind: "write", reason: "update", content: { intent: "audio" } }]);
  });

  it.each<MatrixErrorKind>(["network", "other", "rate-limited", "soft-logged-out"])(
    "is not repeated if the room shows that an earlier try has arrived: %s",
    (kind) => {
      const steps = writing("state", rareRestarts);
      steps.ignores();
      expect(steps.at(10_000).input(clock)).toEqual(["write"]);
      steps.fails(kind);
      steps.at(10_100).input({ kind: "membership", own });
      steps.input({ kind: "resumed" });
      const asked: string[] = [];
      steps.answerAll((request) => asked.push(request));
      expect([steps.state().phase, asked]).toEqual(["joined", ["restart"]]);
      for (let ts = 11_000; ts < 50_000; ts += 1_000) expect(steps.at(ts).input(clock)).toEqual([]);
    },
  );

  it.each<[string, readonly MatrixErrorKind[], string[]]>([
    ["the server has taken nothing, so that nothing is left but the delayed leave", ["rate-limited"], ["cancel"]],
    ["the server may have taken it", ["network"], ["leave"]],
    ["the server may have taken it", ["timeout"], ["leave"]],
    ["the server may have taken it", ["not-found"], ["leave"]],
    ["the server may have taken it", ["other"], ["leave"]],
    ["the server may have taken the try before", ["network", "rate-limited"], ["leave"]],
    ["the server may have taken the try before", ["other", "rate-limited"], ["leave"]],
  ])("decides how to leave: %s (%j)", (_, kinds, requests) => {
    const steps = writing();
    for (const [index, kind] of kinds.entries()) {
      if (index > 0) expect(steps.at(index * 3_000).input(clock)).toEqual(["write"]);
      steps.fails(kind);
    }
    expect(steps.input({ kind: "leave", cause: "leaveOn" })).toEqual(requests);
  });

  it.each<MatrixErrorKind>(["forbidden", "other", "too-large"])(
    "while we leave does not change why we leave: %s",
    (kind) => {
      const steps = writing("state", { maxRetries: 0 });
      steps.input({ kind: "leave", cause: "leaveOn" });
      steps.fails(kind);
      expect(steps.state().leaving).toMatchObject({ cause: "leaveOn", failure: undefined });
      steps.answerAll();
      expect(steps.traced("leave-ended")).toEqual([{ kind: "leave-ended", confirmed: true }]);
    },
  );
});

describe("A delayed leave that was refused", () => {
  const unprotected = () => {
    const steps = writing();
    steps.answerAll();
    steps.input({ kind: "membership", own });
    steps.at(5_000).input(clock);
    steps.fails("not-found");
    steps.fails("forbidden");
    steps.answerAll();
    return steps;
  };

  it.each<MatrixErrorKind>(["network", "timeout", "rate-limited", "forbidden", "conflict", "other"])(
    "is asked for every ten minutes, also if the second answer is %s",
    (kind) => {
      const steps = unprotected();
      expect(steps.state().delayedLeave.held).toEqual({ status: "unsupported", retryTs: 605_000 });
      for (const ts of [605_000, 1_205_000]) {
        steps.at(ts - 1).input(clock);
        steps.answerAll();
        expect(steps.at(ts).input(clock).slice(0, 1)).toEqual(["schedule"]);
        steps.fails(kind);
        steps.answerAll();
      }
      expect(steps.traced("delayed-leave-unsupported")).toHaveLength(1);
    },
  );

  it.each<[string, (steps: ReturnType<typeof joined>) => void]>([
    [
      "by a server that has none",
      (steps) => {
        steps.at(5_000).input(clock);
        steps.fails("unsupported");
      },
    ],
    [
      "by a server that denies two in a row",
      (steps) => {
        for (const ts of [5_000, 10_000]) {
          steps.at(ts).input(clock);
          steps.fails("not-found");
          steps.answers("delay-2");
        }
      },
    ],
    [
      "by a server that refuses them for an unknown reason until the second is due",
      (steps) => {
        for (let ts = 1_000; ts <= 60_000; ts += 1_000) {
          steps.at(ts).input(clock);
          for (let [request] = steps.open(); request; [request] = steps.open()) {
            if (request.kind === "restart") steps.fails("other");
            else steps.answers(`answer ${ts}`);
          }
        }
      },
    ],
  ])("is not asked for again in this join, if restarts are refused %s", (_, refuse) => {
    const steps = joined();
    refuse(steps);
    steps.answerAll();
    expect(steps.state().delayedLeave.held).toEqual({ status: "unsupported", retryTs: Infinity });
    const kinds = Array.from({ length: 100 }, (_minute, index) => {
      const asked = steps.at((index + 1) * minuteMs).input(clock);
      steps.answerAll();
      return asked;
    });
    expect(kinds.flat()).not.toContain("schedule");
  });
});
