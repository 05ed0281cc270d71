// Woken: a device that slept, or whose wall clock was set forward, asks the server before it acts. protocol.md 4.3.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";

type Row = [string, Setting, (call: Chronicle) => Chronicle, Expected];
type Expected = string[] | { readonly state: string[]; readonly sticky: string[] };
const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
const leave = { kind: "leave", cause: "leaveOn" } as const;

describe.each(["state", "sticky"] as const)("A %s member that acts again", (kind) => {
  it.each<Row>([
    [
      "five seconds late goes on",
      {},
      (call) => call.join(5_000).sleep(15_000).until(15_001),
      ["15000 joined at 0, until 33000, shown $2"],
    ],
    [
      "after an hour, alive, has lost no time",
      {},
      (call) => call.join(6_000).sleep(3_606_000).until(7_300_000),
      ["6883000 write refresh of 0 #662", "7296000 joined at 3583000, until 7314000, shown $3"],
    ],
    [
      "after five hours, alive, does not renew",
      {},
      (call) => call.join(6_000).sleep(18_006_000).until(18_010_000),
      ["18006000 joined at 17983000, until 18024000, shown $2"],
    ],
    [
      "after an hour in which its leave was sent joins again",
      after(1, { restart: "not-found" }),
      (call) => call.join(4_000).sleep(3_606_000).until(3_607_000),
      {
        state: [
          "3606000 delayed-leave-gone true",
          "3606000 rejoining left-by-server 1",
          "3606000 schedule 18000 of 1 #6",
          "3606000 write rejoin of 1 #7",
          "3606000 delayed-leave-gone false",
          "3606000 schedule 18000 of 1 #9",
          "3606000 joined at 3606000, until 3624000, shown $4",
        ],
        sticky: [
          "3606000 delayed-leave-gone true",
          "3606000 rejoining left-by-server 1",
          "3606000 schedule 18000 of 1 #6",
          "3606000 write rejoin of 1 #7",
          "3606000 leave of 0 #9",
          "3606000 delayed-leave-gone false",
          "3606000 schedule 18000 of 1 #10",
          "3606000 joined at 3606000, until 3624000, shown $4",
        ],
      },
    ],
    [
      "after an hour, with a late answer of a restart before, asks again",
      after(5_000, { restart: "lost" }),
      (call) => call.join(6_000).sleep(3_606_000).late("restart").until(3_607_000),
      ["3606000 abort restart", "3606000 joined at 3588000, until 3624000, shown $2"],
    ],
    [
      "six seconds late, with its delayed leave still ahead, goes on",
      {},
      (call) => call.join(5_000).sleep(16_000).until(16_001),
      ["16000 joined at 0, until 34000, shown $2"],
    ],
    [
      "twenty seconds late, with an answer to a restart before, waits for that to a restart since",
      after(5_000, { restart: "lost" }),
      (call) => call.join(6_000).sleep(26_000).late("restart").until(27_000),
      ["26000 joined at 0, until 23000, shown $2"],
    ],
    [
      "after its page was hidden writes a change when a restart is answered, at once",
      {},
      (call) => call.join(6_000).input({ kind: "page-hidden" }).intent("audio").until(6_500),
      [
        "6000 page-hidden",
        "6000 send delay-1 lasting",
        "6000 probably-left",
        "6000 write update of 0 #8",
        "6000 joined at 0, until 24000, shown $3",
      ],
    ],
    [
      "after an hour, with an answer of its restart since, is still a member",
      after(5_000, { restart: "lost" }),
      (call) => call.join(6_000).sleep(3_606_000).until(3_607_000).late("restart").until(3_607_500),
      ["3606000 abort restart", "3607000 joined at 3588000, until 3624000, shown $2"],
    ],
    [
      "after an hour, when no restart is answered, is probably gone",
      after(5_000, { restart: "lost" }),
      (call) => call.join(6_000).sleep(3_606_000).until(3_609_000),
      {
        state: [
          "3606000 abort restart",
          "3608000 probably-left",
          "3608000 joined at 0, until 18000, shown $2, probably left",
        ],
        sticky: [
          "3606000 abort restart",
          "3608000 rejoining expired 1",
          "3608000 schedule 18000 of 1 #7",
          "3608000 write rejoin of 1 #8",
          "3608000 leave of 0 #10",
          "3608000 joined at 3608000, until 3626000, shown $4",
        ],
      },
    ],
    [
      "after an hour writes a change that waits, when its restart is answered",
      { shows: false },
      (call) => call.join(6_000).intent("audio").sleep(3_606_000).until(3_625_000),
      ["3606000 write update of 0 #7", "3621000 joined at 3583000, until 3639000"],
    ],
    [
      "after an hour without a login asks for nothing",
      after(5_000, { restart: "soft-logged-out" }),
      (call) => call.join(6_000).sleep(3_606_000).until(3_607_000),
      {
        state: [
          "3606000 probably-left",
          "3606000 joined at 0, until 18000, shown $2, probably left, waiting for login",
        ],
        sticky: ["3606000 rejoining expired 1", "3606000 expired: waiting-for-login 1"],
      },
    ],
    [
      "after an hour of leaving tries for the rest of the half minute",
      after(5_000, { send: "lost", leave: "network" }),
      (call) => call.join(6_000).input(leave).until(16_000).sleep(3_616_000).until(3_700_000),
      [
        "6000 leave-started leaveOn",
        "6000 send delay-1",
        "8000 leave of 0 #7",
        "11000 leave of 0 #7",
        "14000 leave of 0 #7",
        "3616000 abort send",
        "3616000 leave of 0 #7",
        "3619000 leave of 0 #7",
        "3622000 leave of 0 #7",
        "3625000 leave of 0 #7",
        "3628000 leave of 0 #7",
        "3631000 leave of 0 #7",
        "3634000 leave of 0 #7",
        "3635000 leave-ended false leave-timeout",
        "6000 leaving since 6000",
      ],
    ],
    [
      "before it has joined, after an hour, needs another delayed leave",
      after(0, { write: "lost" }),
      (call) => call.join(6_000).sleep(3_606_000).until(3_607_000),
      {
        state: [
          "3606000 abort write",
          "3606000 schedule 18000 of 0 #5",
          "3606000 cancel delay-1",
          "3606000 write join of 0 #3",
          "3606000 joining: sending-membership 2",
        ],
        sticky: [
          "3606000 abort write",
          "3606000 rejoining left-by-server 1",
          "3606000 schedule 18000 of 1 #5",
          "3606000 write join of 1 #6",
          "3606000 joining: sending-membership 1",
        ],
      },
    ],
    [
      "when its network is back without an answer to a restart asks at once",
      after(5_000, { restart: "network" }),
      (call) => call.join(6_000).input({ kind: "resumed" }),
      ["0 joined at 0, until 18000, shown $2"],
    ],
    [
      "after a page that was hidden lives on, asks after a second",
      {},
      (call) => call.join(6_000).input({ kind: "page-hidden" }).until(9_000),
      [
        "6000 page-hidden",
        "6000 send delay-1 lasting",
        "6000 probably-left",
        "7000 joined at 0, until 25000, shown $2",
      ],
    ],
    [
      "after a page that was hidden lives on, without a delayed leave, is shown as gone",
      after(0, { schedule: "unsupported" }),
      (call) => call.join(6_000).input({ kind: "page-hidden" }).until(6_500).shows("nothing").until(9_000),
      [
        "6000 page-hidden",
        "6000 leave of 0 #4",
        "6500 rejoining vanished 1",
        "6500 write rejoin of 1 #5",
        "6500 joined at 6500, unsupported, shown $2",
      ],
    ],
    [
      "after its page was hidden before a write has nothing to leave",
      after(0, { schedule: "lost" }),
      (call) => call.join(6_000).input({ kind: "page-hidden" }).until(9_000),
      ["0 joining: scheduling-leave 1"],
    ],
    [
      "after its page was hidden while it left goes on to leave",
      after(0, { send: "lost" }),
      (call) => call.join(6_000).input(leave).input({ kind: "page-hidden" }).until(9_000),
      [
        "6000 leave-started leaveOn",
        "6000 send delay-1",
        "8000 leave of 0 #7",
        "8000 cancel delay-1",
        "8000 leave-ended true",
        "6000 leaving since 6000",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind, ...setting }));
    expect(call.story(1)).toEqual(Array.isArray(expected) ? expected : expected[kind]);
  });
});
