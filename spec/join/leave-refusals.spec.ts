// Leave refusals: leaves that fail, for us, for a member that we have replaced, and while we are out of the room.
import { describe, expect, it } from "vitest";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { alice, inWords, marbles, scene, smooth } from "./scene.ts";
import { contentInput, contentWith, lifecycle, own } from "./steps.ts";

const clock = { kind: "clock" } as const;
const kinds: readonly MatrixErrorKind[] = ["network", "timeout", "rate-limited", "forbidden", "not-found", "other"];

/** A sticky member in a room that still shows a member of an earlier page. Its leave is under way. */
function joinedBesideStray(timing = {}) {
  const steps = lifecycle("sticky", { delayedLeaveMs: 3_600_000, delayedLeaveRestartMs: 1_800_000, ...timing });
  steps.join();
  steps.input({ kind: "membership", own, strays: ["stray"] });
  expect(steps.open()).toMatchObject([{ kind: "leave", of: "stray" }]);
  return steps;
}

/** When a leave for the stray is asked for, in the time until `untilTs`. Each fails at once. */
function leavesOfStray(steps: ReturnType<typeof lifecycle>, kind: MatrixErrorKind, untilTs: number): number[] {
  const asked: number[] = [];
  steps.fails(kind);
  for (let ts = 1_000; ts <= untilTs; ts += 1_000) {
    for (const request of steps.at(ts).input(clock)) {
      if (request !== "leave") throw new Error(request);
      asked.push(ts);
      steps.fails(kind);
    }
  }
  return asked;
}

describe("A leave for a member of an earlier page", () => {
  it.each(kinds)("never ends our own join by failing: %s", (kind) => {
    const steps = joinedBesideStray({ maxRetries: 2 });
    leavesOfStray(steps, kind, 100_000);
    expect(steps.state()).toMatchObject({ phase: "joined", isOver: false });
  });

  it.each<[MatrixErrorKind, number, number[]]>([
    ["network", 2, [3_000, 6_000]],
    ["rate-limited", 2, [5_000, 10_000]],
    ["other", 2, [3_000, 6_000]],
    ["other", 10, [3_000, 6_000, 9_000]],
    ["forbidden", 10, [3_000, 6_000, 9_000]],
  ])("is tried again, and then no more: %s, with %d retries", (kind, maxRetries, asked) => {
    const steps = joinedBesideStray({ maxRetries });
    expect(leavesOfStray(steps, kind, 100_000)).toEqual(asked);
  });

  it("that was refused for good makes our own leave unconfirmed: a member of ours may remain in the room", () => {
    const steps = joinedBesideStray({ maxRetries: 0 });
    steps.fails("other");
    steps.at(1_000).input({ kind: "leave", cause: "leaveOn" });
    steps.answerAll();
    expect(steps.state().isOver).toBe(true);
    expect(steps.traced("leave-ended")).toEqual([{ kind: "leave-ended", confirmed: false }]);
  });

  it("is tried once if our own join has failed", () => {
    const steps = joinedBesideStray();
    steps.input(contentWith("audio"));
    expect(steps.fails("network")).toEqual(["write"]);
    expect(steps.fails("forbidden")).toEqual(["send"]);
    expect(steps.answers()).toEqual(["leave"]);
    expect(steps.open()).toMatchObject([{ of: "stray" }]);
    expect(steps.fails("network")).toEqual([]);
    expect(steps.state().isOver).toBe(true);
    expect(steps.traced("leave-ended")).toEqual([{ kind: "leave-ended", confirmed: false, error: "join-refused" }]);
  });
});

describe("Our own leave", () => {
  const unprotected = () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    steps.answers(false);
    steps.answers("$1");
    steps.input({ kind: "membership", own });
    return steps.at(1_000);
  };
  const update = contentWith("audio");

  it.each(kinds)("is tried once if the join has failed: %s", (kind) => {
    const steps = unprotected();
    expect(steps.input(update)).toEqual(["write"]);
    expect(steps.fails("forbidden")).toEqual(["leave"]);
    expect(steps.fails(kind)).toEqual([]);
    expect(steps.state().isOver).toBe(true);
    expect(steps.traced("leave-ended")).toEqual([{ kind: "leave-ended", confirmed: false, error: "join-refused" }]);
  });

  it(
    "that fails out of the room is still awaited by the caller, until the time for it is over",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene({ delayedEvents: false });
      const leaveOn = cold("     1s x");
      cold("                     2s x").subscribe(() => home.kick(roomId, alice));
      home.injectFault({ request: "send" }, { fail: new MatrixError("network", "no answer"), after: 1 });
      const state$ = inWords(join({ leaveOn }));
      expectObservable(requests$, "^ 30s !").toBe("C-W 997ms    L 3001ms L");
      expectObservable(state$, "   ^ 30s !").toBe("a-w-u 995ms  l 9999ms #", smooth, "leave-timeout");
    }),
  );
});

describe("A leave", () => {
  it.each<[string, string[], (steps: ReturnType<typeof lifecycle>) => void]>([
    ["the limits of delayed events", ["capability"], (steps) => void steps.input(contentInput)],
    [
      "a restart",
      ["restart"],
      (steps) => {
        steps.join();
        steps.at(5_000).input(clock);
      },
    ],
    [
      "nothing, if a delayed leave is being scheduled: its id is needed to cancel it",
      [],
      (steps) => {
        steps.input(contentInput);
        steps.answers({});
      },
    ],
    [
      "nothing, if the membership is being written: it would come after the leave",
      [],
      (steps) => {
        steps.input(contentInput);
        steps.answers(false);
      },
    ],
  ])("waits no longer for %s", (_, aborted, arrange) => {
    const steps = lifecycle("state");
    arrange(steps);
    steps.input({ kind: "leave", cause: "leaveOn" });
    expect(steps.aborted()).toEqual(aborted);
  });

  it("goes on with the cancel of a delayed leave of the join before", () => {
    const steps = lifecycle("state");
    steps.input({ kind: "unblocked", obsolete: [{ delayId: "before", untilTs: 60_000 }], isMember: false });
    expect(steps.open()).toContainEqual({ kind: "cancel", delayId: "before" });
    expect(steps.input({ kind: "leave", cause: "leaveOn" })).toEqual([]);
    expect(steps.aborted()).toEqual(["capability"]);
  });

  it("ends once, though the client is logged out in the moment in which its time is over", () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    steps.answers(false);
    steps.answers("$1");
    steps.input({ kind: "leave", cause: "leaveOn" });
    for (let ts = 1_000; ts <= 29_000; ts += 1_000) steps.at(ts).input(clock);
    steps.at(30_000).fails("logged-out");
    expect(steps.traced("leave-ended")).toHaveLength(1);
  });
});

describe("Members of earlier pages that the room shows before we have joined", () => {
  const joinBeside = (...lists: string[][]) => {
    const steps = lifecycle("sticky");
    steps.input(contentInput);
    for (const strays of lists) steps.input({ kind: "membership", own: undefined, strays });
    steps.answers({});
    steps.answers("delay-1");
    const left: unknown[] = [];
    steps.answerAll(() => {
      for (const request of steps.open())
        if (request.kind === "leave" && left.at(-1) !== request.of) left.push(request.of);
    });
    return left;
  };

  it("all get a leave, however often the room shows one of them", () => {
    expect(joinBeside(["a"], ["b"], ["b"], ["b"], ["b"], ["b"], ["b"])).toEqual(["a", "b"]);
  });

  it("get five leaves at most: the others get theirs when the room shows them again", () => {
    expect(joinBeside(["a", "b", "c", "d", "e", "f", "g"])).toEqual(["c", "d", "e", "f", "g"]);
  });
});
