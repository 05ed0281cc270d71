// Clocks: a server whose clock differs from ours, and a wall clock that is set during a call.
import { EMPTY, map, of, Subject, throwError, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type JoinOptions, resolveJoinOptions } from "../../src/join/options.ts";
import { ownMembership } from "../../src/join/join.ts";
import type { JoinState } from "../../src/join/join-state.ts";
import { type Matrix, MatrixError, type OutgoingEvent, type RoomChange, type RoomEvent } from "../../src/matrix.ts";
import type { RequestKind } from "../../src/join/requests.ts";
import { callOf, memberType, scene, type SceneOptions, toTheEnd } from "./scene.ts";
import { contentInput, lifecycle } from "./steps.ts";

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** A client whose server has another clock: each of its events carries a time of that clock. */
function withServerClock(matrix: Matrix, aheadMs: number): Matrix {
  const shifted = new WeakMap<RoomEvent, RoomEvent>();
  const shift = (event: RoomEvent): RoomEvent => {
    const known = shifted.get(event) ?? { ...event, originServerTs: event.originServerTs + aheadMs };
    shifted.set(event, known);
    return known;
  };
  return {
    ...matrix,
    stateEvent: (roomId, type, key) => {
      const event = matrix.stateEvent(roomId, type, key);
      return event && shift(event);
    },
    stateEvents: (roomId, type) => [...matrix.stateEvents(roomId, type)].map(shift),
  };
}

/** Joins on a server whose clock differs, and collects the states and the trace of the first half hour. */
function joinWithServerClock(aheadMs: number, options: JoinOptions = {}) {
  const states: JoinState[] = [];
  const trace: { kind: string }[] = [];
  toTheEnd(() => {
    const { call, roomId } = scene();
    const ours = callOf(withServerClock(call.matrix, aheadMs), roomId, (entry) => trace.push(entry));
    ownMembership(ours, resolveJoinOptions(ours.slot, { ...options, leaveOn: timer(30 * minuteMs) })).subscribe(
      (state) => states.push(state),
    );
  });
  const joined = states.findLast((state) => state.status === "joined");
  return { joined, kinds: trace.map(({ kind }) => kind), trace };
}

describe("A server whose clock agrees with ours", () => {
  it.each<[string, JoinOptions, SceneOptions]>([
    ["after a renewal", { leaveOn: timer(2 * hourMs) }, {}],
    ["after a change of intent", { leaveOn: timer(300_000), intent: timer(0, 100_000).pipe(map(String)) }, {}],
    ["after a renewal without delayed events", { leaveOn: timer(1_000_000) }, { delayedEvents: false }],
  ])("is not called ahead or behind %s, in any mode", (_, options, server) => {
    for (const mode of ["compatibility", "matrix_2_0"] as const) {
      const offsets: unknown[] = [];
      toTheEnd(() => {
        const { join, trace } = scene({ latencyMs: 20, syncMs: 20, ...server });
        join({ mode, ...options }).subscribe({
          complete: () => offsets.push(...trace.filter(({ kind }) => kind === "clocks-disagree")),
        });
      });
      expect(offsets).toEqual([]);
    }
  });
});

describe("A server whose clock differs from ours", () => {
  it.each([-5, -30])(
    "by %d hours does not hide us from ourselves: the state says so, and we do not join again",
    (hours) => {
      const { joined, kinds, trace } = joinWithServerClock(hours * hourMs);
      expect(joined?.clockOffsetMs).toBeCloseTo(hours * hourMs, -2);
      expect(kinds).not.toContain("rejoining");
      expect(trace.filter(({ kind }) => kind === "clocks-disagree")).toEqual([
        { kind: "clocks-disagree", offsetMs: joined?.clockOffsetMs },
      ]);
    },
  );

  it("by two hours is named too, although we are shown as a member", () => {
    const { joined } = joinWithServerClock(-2 * hourMs);
    expect(joined?.clockOffsetMs).toBeCloseTo(-2 * hourMs, -2);
    expect(joined?.membership).toBeDefined();
  });

  // The event is made 1 ms after our request, and 1 ms before our answer.
  it.each([-60_000, -50_000, 50_000, 60_000])("by less than a minute is not named (%d ms)", (aheadMs) => {
    const { joined, kinds } = joinWithServerClock(aheadMs);
    expect(joined).not.toHaveProperty("clockOffsetMs");
    expect(kinds).not.toContain("clocks-disagree");
  });

  it.each([
    [-60_001, -60_000],
    [60_001, 60_000],
  ])("by a minute is named, once (%d ms)", (aheadMs, offsetMs) => {
    const { joined, trace } = joinWithServerClock(aheadMs, { intent: timer(0, 600_000).pipe(map(String)) });
    expect(joined?.clockOffsetMs).toBe(offsetMs);
    expect(trace.filter(({ kind }) => kind === "clocks-disagree")).toEqual([{ kind: "clocks-disagree", offsetMs }]);
  });
});

describe("The clock of the server, by the time of the event that we wrote", () => {
  /** Our write goes out at 1,000,000 ms by our clock and is answered 4 s later. The room shows its event. */
  const offsets = (...serverTs: number[]) => {
    const steps = lifecycle("state", { delayedLeaveMs: 3_600_000, delayedLeaveRestartMs: 1_800_000 });
    steps.at(1_000_000).input(contentInput);
    steps.answers({});
    steps.answers("delay-1");
    steps.at(1_004_000).answers("$1");
    for (const originServerTs of serverTs) {
      const standing = { eventId: "$1", originServerTs, isExpired: false };
      steps.input({ kind: "membership", own: undefined, standing });
    }
    return steps.traced("clocks-disagree").map((entry) => entry.kind === "clocks-disagree" && entry.offsetMs);
  };

  it.each([
    ["agrees if it is between the write and its answer", 1_002_000, []],
    ["agrees if it is a little ahead", 1_063_999, []],
    ["agrees if it is a little behind", 940_001, []],
    ["is ahead by what lies after the answer", 1_064_000, [60_000]],
    ["is ahead by what lies after the answer", 8_204_000, [7_200_000]],
    ["is behind by what lies before the write", 940_000, [-60_000]],
    ["is behind by what lies before the write", -6_200_000, [-7_200_000]],
  ])("%s: %d", (_, serverTs, expected) => {
    expect(offsets(serverTs)).toEqual(expected);
  });

  it("is traced again when it has changed by a minute, and when it agrees again", () => {
    expect(offsets(1_204_000, 1_204_000, 1_263_999, 1_264_000, 1_034_000)).toEqual([200_000, 260_000, 0]);
  });

  it("is not read from the event of another write", () => {
    const steps = lifecycle("state");
    steps.join();
    const standing = { eventId: "$other", originServerTs: 7_200_000, isExpired: false };
    steps.input({ kind: "membership", own: undefined, standing });
    expect(steps.traced("clocks-disagree")).toEqual([]);
  });
});

/** A server that answers at once and keeps time by itself: it sends the delayed leave when no restart came for its delay. */
class SteadyServer {
  readonly changes$ = new Subject<readonly RoomChange[]>();
  readonly restarts: number[] = [];
  readonly writes: unknown[] = [];
  #event: RoomEvent | undefined;
  #delayed: NodeJS.Timeout | undefined;
  #delayMs = 0;
  readonly #call = scene();

  readonly matrix: Matrix = {
    ...this.#call.call.matrix,
    changes$: this.changes$,
    stateEvent: (roomId, type, key) => {
      if (type !== memberType) return this.#call.call.matrix.stateEvent(roomId, type, key);
      return this.#event?.stateKey === key ? this.#event : undefined;
    },
    stateEvents: (roomId, type) => {
      if (type !== memberType) return this.#call.call.matrix.stateEvents(roomId, type);
      return this.#event ? [this.#event] : [];
    },
    delayedEventLimits: () => of({}),
    schedule: (_, delayMs) => {
      this.#delayMs = delayMs;
      this.#arm();
      return of("delay-id");
    },
    updateDelayedEvent: (_, action) => {
      if (!this.#delayed) return throwError(() => new MatrixError("not-found", "no such delayed event"));
      if (action === "restart") this.restarts.push(performance.now());
      if (action === "send") this.sendLeave();
      else this.#arm();
      return EMPTY;
    },
    send: (event) => of(event).pipe(map((sent) => this.#put(sent))),
  };
  readonly join = callOf(this.matrix, this.#call.roomId);

  /** Sends the delayed leave. */
  sendLeave(): void {
    clearTimeout(this.#delayed);
    this.#delayed = undefined;
    this.#put({ roomId: this.#call.roomId, type: memberType, stateKey: this.#event?.stateKey ?? "", content: {} });
  }

  #arm(): void {
    clearTimeout(this.#delayed);
    this.#delayed = setTimeout(() => this.sendLeave(), this.#delayMs);
  }

  #put({ type, content, stateKey = "" }: OutgoingEvent): string {
    const eventId = `$event-${performance.now()}`;
    if ("application" in content) this.writes.push(content);
    this.#event = {
      type,
      content,
      stateKey,
      eventId,
      sender: this.matrix.userId,
      originServerTs: performance.now() + startTs,
    };
    const { roomId } = this.#call;
    queueMicrotask(() => this.changes$.next([{ kind: "state", roomId, type, stateKey }]));
    return eventId;
  }
}
const startTs = 1_700_000_000_000;

describe("A wall clock that is set during a call", () => {
  beforeEach(() => vi.useFakeTimers({ now: startTs }));
  afterEach(() => vi.useRealTimers());

  it.each([
    ["back by 3 s", -3_000],
    ["back by an hour", -hourMs],
    ["back by a day", -24 * hourMs],
    ["forward by 3 s", 3_000],
    ["forward by 20 s", 20_000],
    ["forward by an hour", hourMs],
    ["forward by 5 hours", 5 * hourMs],
  ])(
    "%s changes nothing for others: restarts go on, nothing is written, nobody is probably gone",
    async (_, stepMs) => {
      const server = new SteadyServer();
      const states: JoinState[] = [];
      const joined = ownMembership(server.join, resolveJoinOptions(server.join.slot)).subscribe((state) =>
        states.push(state),
      );
      await vi.advanceTimersByTimeAsync(62_000);
      vi.setSystemTime(Date.now() + stepMs);
      await vi.advanceTimersByTimeAsync(10 * minuteMs);
      const gaps = server.restarts.slice(1).map((ts, index) => ts - (server.restarts[index] ?? 0));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(5_100);
      expect(server.writes).toHaveLength(1);
      expect(states.filter(({ status }) => status === "rejoining")).toEqual([]);
      expect(states.filter((state) => state.status === "joined" && state.probablyLeft)).toEqual([]);
      const last = states.at(-1);
      const untilTs =
        last?.status === "joined" && last.delayedLeave.status === "armed" ? last.delayedLeave.untilTs : NaN;
      expect(untilTs - Date.now()).toBeGreaterThan(10_000);
      expect(untilTs - Date.now()).toBeLessThanOrEqual(18_000);
      joined.unsubscribe();
      await vi.advanceTimersByTimeAsync(60_000);
    },
  );

  it("is distinguished from a sleep, after which the server has sent our leave: we join again at once", async () => {
    const server = new SteadyServer();
    const states: JoinState[] = [];
    const joined = ownMembership(server.join, resolveJoinOptions(server.join.slot)).subscribe((state) =>
      states.push(state),
    );
    await vi.advanceTimersByTimeAsync(62_000);
    server.sendLeave();
    vi.setSystemTime(Date.now() + hourMs);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.writes).toHaveLength(2);
    expect(states.at(-1)).toMatchObject({ status: "joined", probablyLeft: false });
    joined.unsubscribe();
    await vi.advanceTimersByTimeAsync(60_000);
  });
});

describe("A delayed leave of two seconds", () => {
  const armedBeforeJoining = () => {
    const steps = lifecycle("state", {
      delayedLeaveMs: 2_000,
      delayedLeaveRestartMs: 1_300,
      delayedLeaveRestartTimeoutMs: 1_000,
    });
    steps.input(contentInput);
    steps.answers({});
    steps.answers("delay-1");
    return steps;
  };

  it("proves nothing by coming due while the wall clock is set forward, twice in a row", () => {
    const steps = armedBeforeJoining();
    // The write of the membership has no answer yet.
    steps.at(4_000).input({ kind: "clock" });
    steps.at(4_010).input({ kind: "answer", id: idOf(steps, "schedule"), answer: { ok: true, value: "delay-2" } });
    steps.at(8_000).input({ kind: "clock" });
    steps.at(8_010).input({ kind: "answer", id: idOf(steps, "schedule"), answer: { ok: true, value: "delay-3" } });
    expect(steps.state().delayedLeave.held).toMatchObject({ status: "armed", delayId: "delay-3" });
  });

  it("is asked for by a restart if the wall clock is set forward by three seconds, before we think that it was sent", () => {
    const steps = lifecycle("state", {
      delayedLeaveMs: 2_000,
      delayedLeaveRestartMs: 1_300,
      delayedLeaveRestartTimeoutMs: 1_000,
    });
    steps.join();
    expect(steps.at(4_000).input({ kind: "clock" })).toEqual(["restart"]);
    expect(steps.state()).toMatchObject({ phase: "joined", presence: { probablyLeft: false } });
    steps.at(4_010).answers();
    expect(steps.state().delayedLeave.held).toMatchObject({ status: "armed", leaveTs: 6_000 });
  });
});

/** The id of the request of a kind that is under way. */
function idOf(steps: ReturnType<typeof lifecycle>, kind: RequestKind): number {
  const found = steps.state().requests.inFlight.find(({ request }) => request.kind === kind);
  if (!found) throw new Error(`no ${kind} is under way`);
  return found.id;
}
