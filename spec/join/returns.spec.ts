// Returns: how we come back to a call. What remains of the member before, which delayed leave guards us, and when we write.
import { describe, expect, it } from "vitest";
import type { MatrixErrorKind } from "../../src/matrix.ts";
import type { JoinTiming } from "../../src/join/options.ts";
import { contentInput, contentWith, lifecycle, own } from "./steps.ts";

type Steps = ReturnType<typeof lifecycle>;
const clock = { kind: "clock" } as const;
const gone = { kind: "membership", own: undefined } as const;
const standing = { eventId: "$1", originServerTs: 0, isExpired: false };
const kinds = ["state", "sticky"] as const;
/** The shortest expiry, and restarts that are rarer. */
const soon: JoinTiming = {
  expiryMs: 60_000,
  unprotectedExpiryMs: 60_000,
  expiryHeadroomMs: 30_000,
  delayedLeaveMs: 200_000,
  delayedLeaveRestartMs: 100_000,
};

function joined(kind: "state" | "sticky" = "state", timing: JoinTiming = {}, seed = 0, delegates = false): Steps {
  const steps = lifecycle(kind, timing, seed, { delegates });
  steps.join();
  return steps;
}

/** Joins, and the room has not shown us yet. */
function joinedUnseen(kind: "state" | "sticky", timing: JoinTiming = soon): Steps {
  const steps = lifecycle(kind, timing);
  steps.input(contentInput);
  steps.answers({});
  steps.answers("delay-1");
  steps.answers("$1");
  steps.answers();
  return steps;
}

/** Lets time pass in steps of a second, and returns what is asked, each with its time. */
function tick(steps: Steps, fromTs: number, toTs: number, onRequest: (kind: string) => void = () => {}): string[] {
  const asked: string[] = [];
  for (let ts = fromTs; ts <= toTs; ts += 1_000)
    for (const kind of steps.at(ts).input(clock)) {
      asked.push(`${kind} ${ts}`);
      onRequest(kind);
    }
  return asked;
}

describe.each(kinds)("A %s member that joins again", (kind) => {
  const remains: readonly [string, boolean, () => Steps][] = [
    [
      "nothing, if the room shows it gone",
      false,
      () => {
        const steps = joined(kind, soon);
        steps.at(1_000).input(gone);
        return steps;
      },
    ],
    [
      "the member that the room still has, though it does not count",
      true,
      () => {
        const steps = joined(kind, soon);
        steps.at(1_000).input({ ...gone, standing });
        return steps;
      },
    ],
    [
      "the member that may still show up, since the room has never shown it",
      true,
      () => {
        const steps = joinedUnseen(kind);
        steps.input(gone);
        tick(steps, 1_000, 10_000);
        return steps;
      },
    ],
    [
      "the member that has expired, and that the room still shows",
      true,
      () => {
        const steps = joined(kind, soon);
        steps.input({ kind: "membership", own });
        const expiresTs = kind === "state" ? 60_000 : 3_600_000;
        tick(steps, 1_000, expiresTs - 1_000, (request) => {
          if (request === "restart") steps.answers();
          else steps.fails("network");
        });
        steps.at(expiresTs).input(clock);
        return steps;
      },
    ],
    [
      "the member of which a write is under way",
      true,
      () => {
        const steps = joined(kind, soon);
        steps.at(1_000).input(contentWith("audio"));
        steps.input(gone);
        return steps;
      },
    ],
  ];

  it.each(remains)("leaves behind %s: a sticky one removes it as soon as it is back", (_, isLeft, arrange) => {
    const steps = arrange();
    expect(steps.traced("rejoining")).toMatchObject([{ attempt: 1 }]);
    const left: unknown[] = [];
    steps.answerAll(() => left.push(...steps.open().filter((request) => request.kind === "leave")));
    expect(steps.state().phase).toBe("joined");
    const members = new Set(left.map((request) => Object(request).of));
    expect([...members]).toEqual(isLeft && kind === "sticky" ? [0] : []);
  });

  it.each(remains)("and hangs up before it is back leaves nothing behind, beside %s", (_, isLeft, arrange) => {
    const steps = arrange();
    const asked = steps.input({ kind: "leave", cause: "leaveOn" });
    steps.answerAll(() => asked.push(...steps.open().map((request) => request.kind)));
    expect([steps.state().isOver, asked.includes("leave")]).toEqual([true, isLeft]);
  });

  it.each(remains)("says why, beside %s", (title, _, arrange) => {
    const reason = title.includes("expired") ? "expired" : "vanished";
    expect(arrange().traced("rejoining")).toEqual([{ kind: "rejoining", reason, attempt: 1 }]);
  });
});

describe("The waits of a member that joins again", () => {
  it.each<[string, boolean, (steps: Steps) => void]>([
    ["at once after it was only hidden", false, (steps) => void steps.at(1_000)],
    [
      "a little later after a restart had failed: other clients of the server may come back at the same moment",
      true,
      (steps) => {
        steps.at(5_000).input(clock);
        steps.fails("network");
      },
    ],
    [
      "at once after a restart got no answer, and the next one was answered",
      false,
      (steps) => {
        steps.at(5_000).input(clock);
        steps.ignores();
        tick(steps, 6_000, 8_000, () => steps.answers());
      },
    ],
    [
      "at once after all was answered, the write at its second try",
      false,
      (steps) => {
        steps.at(1_000).input(contentWith("audio"));
        const write = steps.delays();
        tick(steps, 2_000, 14_000, (kind) => (kind === "restart" ? steps.answers() : steps.ignores()));
        steps.at(15_000).input(clock);
        const restart = steps.delays();
        write.answers("$2");
        restart.answers();
      },
    ],
    [
      "a little later after a request got no answer",
      true,
      (steps) => {
        steps.at(1_000).input(contentWith("audio"));
        steps.ignores();
        tick(steps, 2_000, 12_000, (kind) => (kind === "restart" ? steps.answers() : steps.ignores()));
      },
    ],
    [
      "a little later after the delayed leave was due",
      true,
      (steps) => {
        steps.at(5_000).input(clock);
        steps.fails("soft-logged-out");
        tick(steps, 6_000, 19_000);
        steps.input({ kind: "resumed" });
      },
    ],
  ])("schedules another delayed leave %s", (_, isLater, arrange) => {
    const steps = joined("sticky", { jitter: 1 }, 3);
    arrange(steps);
    steps.input(gone);
    expect(steps.state().phase).toBe("rejoining");
    const isAsked = () => steps.open().some((request) => request.kind === "schedule");
    expect(isAsked()).toBe(!isLater);
    const now = steps.state().requests.retries.schedule?.notBeforeTs ?? NaN;
    steps.at(now).input(clock);
    expect(isAsked()).toBe(true);
  });

  /** Two delayed leaves are denied, of which the server sends the first at 18 s and the second at 23 s, if it lies. */
  const denied = () => {
    const steps = joined("state");
    for (const ts of [5_000, 10_000]) {
      tick(steps, ts - 4_000, ts - 1_000);
      steps.at(ts).input(clock);
      steps.fails("not-found");
      if (ts === 5_000) steps.answers("delay-2");
    }
    steps.answerAll();
    expect(steps.state().delayedLeave).toMatchObject({ held: { status: "unsupported" }, mayFireUntilTs: 23_000 });
    return steps;
  };

  it.each([
    [18_100, 18_100],
    [19_499, 19_499],
    [19_500, 23_500],
    [20_000, 23_500],
    [22_999, 23_500],
    [23_000, 23_000],
    [23_400, 23_400],
  ])(
    "end before a delayed leave that the server denies can end what we write, if that is soon (from %d ms to %d ms)",
    (goneTs, writeTs) => {
      const steps = denied();
      const asked = steps.at(goneTs).input(gone);
      expect(asked.includes("write")).toBe(writeTs === goneTs);
      if (writeTs === goneTs) return;
      expect(steps.at(writeTs - 1).input(clock)).toEqual([]);
      expect(steps.at(writeTs).input(clock)).toEqual(["write"]);
    },
  );

  it("do not grow if one delayed leave was lost and another one guards us", () => {
    const steps = joined("state");
    steps.at(5_000).input(clock);
    steps.fails("not-found");
    steps.answers("delay-2");
    steps.answerAll();
    expect(steps.at(15_000).input(gone)).toEqual(["restart"]);
    expect(steps.answers()).toEqual(["write"]);
  });
});

describe("A delayed leave that is due when the room no longer shows us", () => {
  /** Restarts fail in this way from 5 s on, until the room shows us gone at a time. */
  const hidden = (kind: "state" | "sticky", error: MatrixErrorKind, goneTs: number) => {
    const steps = joined(kind, { networkRetryMs: 100_000 });
    steps.at(5_000).input(clock);
    steps.fails(error);
    tick(steps, 6_000, 17_000);
    steps.at(goneTs).input(gone);
    return steps;
  };

  it.each([
    ["state", 17_999, ["restart"]],
    ["state", 18_000, ["schedule", "cancel"]],
    ["state", 18_001, ["schedule", "cancel"]],
    ["sticky", 17_999, ["schedule"]],
    ["sticky", 18_000, ["schedule"]],
    ["sticky", 18_001, ["schedule"]],
  ] as const)("is replaced, and cancelled if it could end our next membership: %s, at %d ms", (kind, ts, asked) => {
    const steps = hidden(kind, "network", ts);
    expect(steps.open().map((request) => request.kind)).toEqual(asked);
  });

  it.each<[MatrixErrorKind, number]>([
    ["network", 636_000],
    ["other", Infinity],
    ["forbidden", Infinity],
  ])("is not asked for again after its second time, unless restarts only got no answer: %s", (error, retryTs) => {
    const steps = joined("state", { networkRetryMs: 100_000 });
    for (const ts of [0, 18_000]) {
      if (ts > 0) steps.input({ kind: "membership", own: { ...own, eventId: "$2" } });
      // No restart after the first one of each delayed leave succeeds.
      tick(steps, ts + 1_000, ts + 4_000);
      steps.at(ts + 5_000).input(clock);
      steps.fails(error);
      tick(steps, ts + 6_000, ts + 17_000);
      steps.at(ts + 18_000).input(gone);
      if (ts === 0) steps.answers("delay-2");
      if (ts === 0) steps.fails("not-found");
      if (ts === 0) steps.answers("$2");
    }
    expect(steps.state().delayedLeave.held).toEqual({ status: "unsupported", retryTs });
  });
});

describe("The answer of a restart whose delayed leave the room has shown sent", () => {
  const shownLeave = { leaveId: "$l" };
  const isOpen = (steps: Steps) => steps.open().map((request) => request.kind);

  it("is not true: a state member that joins again schedules another one, and cancels it", () => {
    const steps = joined("state");
    tick(steps, 1_000, 14_000, () => steps.answers());
    steps.at(19_000).input(clock);
    steps.at(19_500).input({ ...gone, ...shownLeave });
    expect(isOpen(steps)).toEqual(["restart"]);
    expect(steps.answers()).toEqual(["schedule", "cancel"]);
  });

  it("is not true: a sticky member that the room still shows schedules another one, and goes on", () => {
    const steps = joined("sticky");
    tick(steps, 1_000, 14_000, () => steps.answers());
    steps.at(19_000).input(clock);
    steps.at(19_500).input({ kind: "membership", own, ...shownLeave });
    expect(steps.answers()).toEqual(["schedule"]);
    expect(steps.traced("rejoining")).toEqual([]);
  });

  it("is not true: a sticky member that has not joined yet joins as another one, which that leave cannot end", () => {
    const steps = lifecycle("sticky");
    steps.input(contentInput);
    steps.answers({});
    steps.answers("delay-1");
    steps.fails("rate-limited", { retryAfterMs: 60_000 });
    tick(steps, 1_000, 14_000, () => steps.answers());
    steps.at(19_000).input(clock);
    steps.at(19_500).input({ ...gone, ...shownLeave });
    expect(isOpen(steps)).toEqual(["restart"]);
    expect(steps.answers()).toEqual(["schedule"]);
    expect(steps.open()).toMatchObject([{ kind: "schedule", joinCount: 1 }]);
    expect(steps.state().phase).toBe("joining");
  });
});

describe("A delayed leave that comes due before the write is answered, while no restart is under way,", () => {
  const due = (kind: "state" | "sticky") => {
    const steps = lifecycle(kind);
    steps.input(contentInput);
    steps.answers({});
    steps.answers("delay-1");
    steps.fails("rate-limited", { retryAfterMs: 60_000 });
    tick(steps, 1_000, 17_000, () => steps.fails("rate-limited", { retryAfterMs: 60_000 }));
    return steps;
  };

  it.each(kinds)("is kept until then: %s", (kind) => {
    expect(due(kind).at(17_999).input(clock)).toEqual([]);
  });

  it("is replaced by another one and cancelled, for a state member", () => {
    const steps = due("state");
    expect(steps.at(18_000).input(clock)).toEqual(["schedule", "cancel"]);
    expect(steps.traced("rejoining")).toEqual([]);
  });

  it("ends the sticky member, so that another one joins", () => {
    const steps = due("sticky");
    expect(steps.at(18_000).input(clock)).toEqual(["schedule"]);
    expect(steps.traced("rejoining")).toEqual([{ kind: "rejoining", reason: "left-by-server", attempt: 1 }]);
  });

  it("is asked for again ten minutes after its second time, for a state member", () => {
    const steps = due("state");
    steps.at(18_000).input(clock);
    steps.answers("delay-2");
    steps.answers();
    tick(steps, 19_000, 36_000, () => steps.fails("rate-limited", { retryAfterMs: 60_000 }));
    expect(steps.state().delayedLeave.held).toEqual({ status: "unsupported", retryTs: 636_000 });
  });
});

it("A member that leaves does not join again, though a restart is refused late", () => {
  const steps = joined("sticky");
  steps.at(5_000).input(clock);
  const restart = steps.delays();
  tick(steps, 6_000, 17_000, () => steps.ignores());
  steps.at(17_500).input({ kind: "leave", cause: "leaveOn" });
  steps.at(18_000);
  restart.fails("not-found");
  expect(steps.traced("rejoining")).toEqual([]);
  expect(steps.state()).toMatchObject({ phase: "leaving", joinCount: 0 });
});

it("A restart that is refused in the moment in which the delayed leave is due was refused because that was sent", () => {
  const steps = joined("sticky");
  tick(steps, 1_000, 16_000, () => steps.ignores());
  expect(steps.at(17_000).input(clock)).toEqual(["restart"]);
  steps.at(18_000).fails("not-found");
  expect(steps.traced("delayed-leave-gone")).toEqual([{ kind: "delayed-leave-gone", fired: true }]);
});

it("A sticky member that the room hides twice, before a restart is answered, is guarded by a third delayed leave", () => {
  const steps = lifecycle("sticky");
  steps.input(contentInput);
  steps.answers({});
  for (const [index, eventId] of ["$1", "$2"].entries()) {
    steps.answers(`delay of ${eventId}`);
    steps.answers(eventId);
    steps.input({ kind: "membership", own: { ...own, eventId } });
    steps.ignores();
    steps.input(gone);
    steps.at(2_000 * (index + 1)).input(clock);
  }
  expect(steps.traced("rejoining")).toHaveLength(2);
  expect(steps.open()).toMatchObject([{ kind: "schedule", joinCount: 2 }]);
  expect(steps.traced("delayed-leave-unsupported")).toEqual([]);
});
