// Join states: what a user is shown, step by step. protocol.md 4.3.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { toJoinState } from "../../src/join/to-join-state.ts";
import { Chronicle, type Reply, self, type Setting } from "./chronicle.ts";

const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
type Row = [string, Setting, (call: Chronicle) => Chronicle, string[]];

describe("A join shows", () => {
  it.each<Row>([
    [
      "its transports are waited for",
      {},
      (call) => call.input({ kind: "clock" }).until(1_000),
      ["0 joining: checking-support 1", "0 joining: waiting-for-transports 1"],
    ],
    [
      "its limits are asked for first",
      after(0, { capability: "lost" }),
      (call) => call.input({ kind: "clock" }).until(5_000),
      ["0 joining: checking-support 1", "2000 joining: waiting-for-transports 1"],
    ],
    [
      "when the delayed leave is asked for again",
      after(0, { schedule: "network" }),
      (call) => call.join(4_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: scheduling-leave 2, again at 3000",
        "3000 joining: scheduling-leave 2",
        "3000 joining: scheduling-leave 3, again at 6000",
      ],
    ],
    [
      "when the delayed leave is asked for again after a timeout",
      after(0, { schedule: "lost" }),
      (call) => call.join(21_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "10000 joining: scheduling-leave 2",
        "20000 joining: scheduling-leave 3",
      ],
    ],
    [
      "when the write is tried again",
      after(0, { write: "network" }),
      (call) => call.join(4_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joining: sending-membership 2, again at 3000",
        "3000 joining: sending-membership 2",
        "3000 joining: sending-membership 3, again at 6000",
      ],
    ],
    [
      "when the write is tried again after the wait that the server asks for",
      after(0, { write: "rate-limited" }),
      (call) => call.join(6_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joining: sending-membership 2, again at 5000",
        "5000 joining: sending-membership 2",
        "5000 joining: sending-membership 3, again at 10000",
      ],
    ],
    [
      "that the slot is opened",
      { openSlot: true, ...after(0, { "open-slot": "lost" }) },
      (call) => call.join(5_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: opening-slot 1",
        "4000 joined at 4000, until 18000",
        "4000 joined at 4000, until 22000",
        "4000 joined at 4000, until 22000, shown $2",
      ],
    ],
    [
      "that the login is waited for",
      after(0, { schedule: "soft-logged-out" }),
      (call) => call.join(5_000).input({ kind: "resumed" }),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: waiting-for-login 1",
        "5000 joining: scheduling-leave 1",
        "5000 joining: waiting-for-login 1",
      ],
    ],
    [
      "that it goes on without the login, until when",
      after(5_000, { restart: "soft-logged-out" }),
      (call) => call.join(30_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "5000 joined at 0, until 18000, shown $2, waiting for login",
        "18000 joined at 0, until 18000, shown $2, probably left, waiting for login",
      ],
    ],
    [
      "the tries of a re-join",
      after(5_000, { write: "network" }),
      (call) => call.join(5_000).shows("nothing").until(9_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "5000 joined at 0, until 23000, shown $2",
        "5000 vanished: sending-membership 1",
        "5000 vanished: sending-membership 2, again at 8000",
        "8000 vanished: sending-membership 2",
        "8000 vanished: sending-membership 3, again at 11000",
      ],
    ],
    [
      "when the write of a re-join is tried again, by what is left of the writes",
      { timing: { networkRetryMs: 1_000 }, ...after(5_000, { write: "network" }) },
      (call) => call.join(5_000).shows("nothing").until(20_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "5000 joined at 0, until 23000, shown $2",
        "5000 vanished: sending-membership 1",
        "5000 vanished: sending-membership 2, again at 6000",
        "6000 vanished: sending-membership 2",
        "6000 vanished: sending-membership 3, again at 7000",
        "7000 vanished: sending-membership 3",
        "7000 vanished: sending-membership 4, again at 8000",
        "8000 vanished: sending-membership 4",
        "8000 vanished: sending-membership 5, again at 9000",
        "9000 vanished: sending-membership 5",
        "9000 vanished: sending-membership 6, again at 10000",
        "10000 vanished: sending-membership 6",
        "10000 vanished: sending-membership 7, again at 11000",
        "11000 vanished: sending-membership 7",
        "11000 vanished: sending-membership 8, again at 12000",
        "12000 vanished: sending-membership 8",
        "12000 vanished: sending-membership 9, again at 13000",
        "13000 vanished: sending-membership 9",
        "13000 vanished: sending-membership 10, again at 14000",
        "14000 vanished: sending-membership 10",
        "14000 vanished: sending-membership 11, again at 35000",
      ],
    ],
    [
      "the attempts of re-joins that nobody sees",
      { shows: false },
      (call) => call.join(5_000).shows("nothing").until(12_000).shows("nothing").until(26_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "5000 joined at 0, until 23000",
        "10000 vanished: sending-membership 1",
        "10000 joined at 10000, until 28000",
        "15000 joined at 10000, until 33000",
        "20000 vanished: sending-membership 2, again at 30000",
      ],
    ],
    [
      "that it may be gone",
      after(5_000, { restart: "lost" }),
      (call) => call.join(20_000).late("restart").until(20_100),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "18000 joined at 0, until 18000, shown $2, probably left",
        "20000 joined at 0, until 23000, shown $2",
      ],
    ],
    [
      "that the delayed leave is asked for again",
      after(5_000, { restart: "not-found", schedule: "lost" }),
      (call) => call.join(6_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "5000 joined at 0, scheduling, shown $2",
      ],
    ],
    [
      "how far the clock of the server is ahead",
      {},
      (call) => call.join(5_000).shows({ standing: { eventId: "$2", originServerTs: 600_000, isExpired: true } }),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "5000 joined at 0, until 23000, shown $2",
        "5000 joined at 0, until 23000, clock 600000",
      ],
    ],
    [
      "that it agrees with a server that took the first of two tries",
      { shows: false, reply: ({ kind }, ts) => (kind === "write" && ts === 0 ? "lost" : undefined) },
      (call) => call.join(11_000).shows({ standing: { eventId: "$2", originServerTs: -55_000, isExpired: false } }),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "10000 joining: sending-membership 2",
        "10000 joined at 10000, until 28000",
      ],
    ],
    [
      "that it has a delayed leave again after ten minutes",
      {
        kind: "sticky",
        timing: { unprotectedExpiryMs: 3_600_000 },
        reply: ({ kind }, ts) => (kind === "schedule" && ts < 600_000 ? "forbidden" : undefined),
      },
      (call) => call.join(600_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, unsupported",
        "0 joined at 0, unsupported, shown $1",
        "600000 joined at 0, until 618000, shown $1",
      ],
    ],
    [
      "its transports are waited for, without delayed events, too",
      after(0, { capability: { value: false } }),
      (call) => call.input({ kind: "clock" }).until(1_000),
      ["0 joining: checking-support 1", "0 joining: waiting-for-transports 1"],
    ],
    [
      "when it began to leave",
      after(5_000, { send: "lost", leave: "lost" }),
      (call) => call.join(5_000).input({ kind: "leave", cause: "leaveOn" }).until(60_000),
      [
        "0 joining: checking-support 1",
        "0 joining: scheduling-leave 1",
        "0 joining: sending-membership 1",
        "0 joined at 0, until 18000",
        "0 joined at 0, until 18000, shown $2",
        "5000 joined at 0, until 23000, shown $2",
        "5000 leaving since 5000",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    expect(act(new Chronicle(setting)).states).toEqual(expected);
  });
});

describe("A join that has no extra writes left shows", () => {
  const retries = { networkRetryMs: 1_000, maxRetries: 20 };

  it("when it may try its write again", () => {
    const call = new Chronicle({ timing: retries, ...after(0, { write: "network" }) }).join(12_000);
    expect(call.states.at(-1)).toBe("10000 joining: sending-membership 12, again at 31000");
  });

  it("when it asks for a delayed leave again, which is no write", () => {
    const call = new Chronicle({ kind: "sticky", ...after(2_000, { schedule: "network" }) }).join(1_000);
    for (let count = 0; count < 10; count += 1) call.until(1_000 + count).intent(`${count}`);
    call.until(2_500).shows("nothing").until(3_000);
    expect(call.states.at(-1)).toBe("2500 vanished: scheduling-leave 2, again at 5500");
  });
});

describe("A state whose wall clock is a second behind the clock of intervals", () => {
  it.each<[string, Setting, (call: Chronicle) => Chronicle, object]>([
    ["when the next try begins", after(0, { write: "network" }), (call) => call.join(1_000), { nextTryTs: 2_000 }],
    [
      "since when we are in the call, and until when without a restart",
      {},
      (call) => call.join(6_000),
      { sinceTs: -1_000, delayedLeave: { untilTs: 22_000 } },
    ],
    [
      "since when we leave",
      after(6_000, { send: "lost" }),
      (call) => call.join(6_000).input({ kind: "leave", cause: "leaveOn" }).until(7_000),
      { status: "leaving", sinceTs: 5_000 },
    ],
  ])("says by the wall clock %s", (_, setting, act, expected) => {
    const { state, now } = act(new Chronicle(setting));
    expect(toJoinState(state, self, now, 1_000)).toMatchObject(expected);
  });
});
