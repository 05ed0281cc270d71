// Shown: what the room shows of us, and what we do then. protocol.md 4.8.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";
import { own } from "./steps.ts";

type Row = [string, Setting, (call: Chronicle) => Chronicle, Expected];
type Expected = string[] | { readonly state: string[]; readonly sticky: string[] };

const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
const member = (eventId: string, createdTs = 0) => ({ own: { ...own, eventId, createdTs } });
const event = (eventId: string, isExpired = false, originServerTs = 0) => ({
  standing: { eventId, originServerTs, isExpired },
});
const unseen: Setting = { shows: false };

describe.each(["state", "sticky"] as const)("A %s member that the room shows", (kind) => {
  it.each<Row>([
    [
      "as gone joins again",
      {},
      (call) => call.join(1_000).shows("nothing").until(5_000),
      {
        state: ["1000 rejoining vanished 1", "1000 write rejoin of 1 #6", "1000 joined at 1000, until 19000, shown $3"],
        sticky: [
          "1000 rejoining vanished 1",
          "1000 schedule 18000 of 1 #5",
          "1000 write rejoin of 1 #6",
          "1000 joined at 1000, until 19000, shown $4",
        ],
      },
    ],
    [
      "as gone, although its event stands, joins again",
      {},
      (call) => call.join(1_000).shows(event("$2")).until(5_000),
      {
        state: ["1000 rejoining vanished 1", "1000 write rejoin of 1 #6", "1000 joined at 1000, until 19000, shown $3"],
        sticky: [
          "1000 rejoining vanished 1",
          "1000 schedule 18000 of 1 #5",
          "1000 write rejoin of 1 #6",
          "1000 leave of 0 #8",
          "1000 joined at 1000, until 19000, shown $4",
        ],
      },
    ],
    [
      "as before does nothing",
      {},
      (call) => call.join(1_000).shows(member("$2")).until(4_000),
      ["0 joined at 0, until 18000, shown $2"],
    ],
    [
      "as expired by a clock that is ahead stays",
      {},
      (call) => call.join(1_000).shows(event("$2", true)).until(4_000),
      ["1000 joined at 0, until 18000"],
    ],
    [
      "not yet waits for ten seconds, and joins again",
      unseen,
      (call) => call.join(1_000).shows("nothing").until(9_999).until(10_000),
      {
        state: ["10000 rejoining vanished 1", "10000 write rejoin of 1 #7", "10000 joined at 10000, until 28000"],
        sticky: [
          "10000 rejoining vanished 1",
          "10000 schedule 18000 of 1 #6",
          "10000 write rejoin of 1 #7",
          "10000 leave of 0 #9",
          "10000 joined at 10000, until 28000",
        ],
      },
    ],
    [
      "after nine seconds stays",
      unseen,
      (call) => call.join(1_000).shows("nothing").until(9_000).shows(member("$2")).until(12_000),
      ["10000 joined at 0, until 28000, shown $2"],
    ],
    [
      "by the event of an earlier page waits for its own",
      unseen,
      (call) => call.shows(member("$0")).join(1_000).shows(member("$0")).until(12_000),
      ["10000 joined at 0, until 28000"],
    ],
    [
      "by an event that expired long ago, of an earlier page, waits for its own",
      unseen,
      (call) => call.shows(event("$0", true)).join(1_000).shows(event("$0", true)).until(12_000),
      {
        state: ["10000 rejoining vanished 1", "10000 write rejoin of 1 #7", "10000 joined at 10000, until 28000"],
        sticky: [
          "10000 rejoining vanished 1",
          "10000 schedule 18000 of 1 #6",
          "10000 write rejoin of 1 #7",
          "10000 leave of 0 #9",
          "10000 joined at 10000, until 28000",
        ],
      },
    ],
    [
      "by another event than the one that it wrote waits for that, for ten seconds",
      unseen,
      (call) => call.join(1_000).shows(member("$9")).until(9_999).shows(member("$8")).until(12_000),
      ["10000 joined at 0, until 28000"],
    ],
    [
      "by another event than the one that it wrote, after ten seconds, is a member",
      unseen,
      (call) => call.join(10_000).shows(member("$9")).until(12_000),
      ["10000 joined at 0, until 28000, shown $9"],
    ],
    [
      "before the answer is in the call",
      after(0, { write: "lost" }),
      (call) =>
        call
          .join(1_000)
          .shows({ ...member("$2"), ...event("$2") })
          .until(2_000)
          .late("write", { value: "$2" })
          .until(4_000),
      ["1000 membership-written join sync", "2000 joined at 0, until 19000, shown $2"],
    ],
    [
      "before the answer by an event of an earlier page, as the answer says, waits for its own",
      { shows: false, ...after(0, { write: "lost" }) },
      (call) =>
        call
          .join(1_000)
          .shows(member("$7"))
          .until(2_000)
          .late("write", { value: "$2" })
          .until(3_000)
          .shows("nothing")
          .until(4_000),
      ["1000 membership-written join sync", "2000 joined at 0, until 19000"],
    ],
    [
      "before the answer, and no more when that comes without an event id, stays",
      after(0, { write: "lost" }),
      (call) => call.join(1_000).shows(member("$2")).until(2_000).late("write", { value: undefined }).until(4_000),
      ["1000 membership-written join sync", "2000 joined at 0, until 19000, shown undefined"],
    ],
    [
      "before the next try, by an event of an earlier content, is written again with the newest",
      { shows: false, reply: ({ kind: asked }, ts) => (asked === "write" && ts === 0 ? "network" : undefined) },
      (call) => call.join(1_000).intent("audio").until(1_500).shows(member("$7")).until(5_000),
      ["1500 membership-written join sync", "3000 write update of 0 #5", "1500 joined at 0, until 19500, shown $7"],
    ],
    [
      "while it joins again has its doubt ended by any answer to a restart",
      after(5_000, { restart: "lost" }),
      (call) => call.join(6_000).shows("nothing").until(6_500).late("restart").until(6_600),
      {
        state: ["6000 rejoining vanished 1", "6500 write rejoin of 1 #6", "6500 joined at 6500, until 23000, shown $3"],
        sticky: [
          "6000 rejoining vanished 1",
          "6500 schedule 18000 of 1 #6",
          "6500 write rejoin of 1 #7",
          "6500 joined at 6500, until 24500, shown $4",
        ],
      },
    ],
    [
      "before the answer is in the call although the write is refused then",
      after(0, { write: "lost" }),
      (call) => call.join(1_000).shows(member("$2")).until(2_000).late("write", "forbidden").until(4_000),
      ["1000 membership-written join sync", "1000 joined at 0, until 19000, shown $2"],
    ],
    [
      "as gone while its write is repeated is not in the call",
      after(0, { write: "lost" }),
      (call) => call.join(11_000).shows("nothing").until(12_000),
      ["10000 write join of 0 #3", "10000 joining: sending-membership 2"],
    ],
    [
      "as gone by a new leave, when its delayed leave was due at first, does not believe answers to restarts",
      {},
      (call) => call.join(18_000).shows({ leaveId: "$l" }).until(18_200),
      {
        state: [
          "18000 rejoining vanished 1",
          "18000 schedule 18000 of 1 #9",
          "18000 cancel delay-1",
          "18000 write rejoin of 1 #11",
          "18000 joined at 18000, until 36000, shown $4",
        ],
        sticky: [
          "18000 rejoining vanished 1",
          "18000 schedule 18000 of 1 #8",
          "18000 write rejoin of 1 #9",
          "18000 joined at 18000, until 36000, shown $4",
        ],
      },
    ],
    [
      "as gone by a new leave, before its delayed leave was due at first, believes answers to restarts",
      {},
      (call) => call.join(17_999).shows({ leaveId: "$l" }).until(18_200),
      {
        state: [
          "17999 rejoining vanished 1",
          "17999 write rejoin of 1 #9",
          "17999 joined at 17999, until 35999, shown $3",
        ],
        sticky: [
          "17999 rejoining vanished 1",
          "17999 schedule 18000 of 1 #8",
          "17999 write rejoin of 1 #9",
          "17999 joined at 17999, until 35999, shown $4",
        ],
      },
    ],
    [
      "as gone by a leave that was shown before believes answers to restarts",
      after(17_000, { restart: "lost" }),
      (call) =>
        call
          .join(17_999)
          .shows({ leaveId: "$l" })
          .until(18_000)
          .shows({ leaveId: "$l" })
          .until(18_100)
          .late("restart")
          .until(18_200),
      {
        state: [
          "17999 rejoining vanished 1",
          "18100 write rejoin of 1 #9",
          "18100 joined at 18100, until 35999, shown $3",
        ],
        sticky: [
          "17999 rejoining vanished 1",
          "17999 schedule 18000 of 1 #8",
          "17999 write rejoin of 1 #9",
          "18000 rejoining vanished 1",
          "18100 schedule 18000 of 2 #11",
          "18100 write rejoin of 2 #12",
          "18100 joined at 18100, until 36100, shown $6",
        ],
      },
    ],
    [
      "as gone because its event was redacted believes answers to restarts",
      {},
      (call) => call.join(18_000).shows({ leaveId: "$2" }).until(18_200),
      {
        state: [
          "18000 rejoining vanished 1",
          "18000 write rejoin of 1 #9",
          "18000 joined at 18000, until 36000, shown $3",
        ],
        sticky: [
          "18000 rejoining vanished 1",
          "18000 schedule 18000 of 1 #8",
          "18000 write rejoin of 1 #9",
          "18000 joined at 18000, until 36000, shown $4",
        ],
      },
    ],
    [
      "as gone because the event of another page was redacted believes answers to restarts",
      unseen,
      (call) => call.join(18_000).shows(member("$5")).shows({ leaveId: "$5" }).until(18_200),
      {
        state: ["18000 rejoining vanished 1", "18000 write rejoin of 1 #9", "18000 joined at 18000, until 36000"],
        sticky: [
          "18000 rejoining vanished 1",
          "18000 schedule 18000 of 1 #8",
          "18000 write rejoin of 1 #9",
          "18000 joined at 18000, until 36000",
        ],
      },
    ],
    [
      "as gone by a new leave, with a delegated delayed leave, believes answers to restarts",
      { delegates: true },
      (call) => call.join(4_000_000).shows({ leaveId: "$l" }).until(4_000_001),
      {
        state: [
          "3300000 write refresh of 0 #19",
          "4000000 rejoining vanished 1",
          "4000000 write rejoin of 1 #23",
          "4000000 schedule 3600000 of 1 #25 delegated",
          "4000000 delegate delay-6 3600000 of 1",
          "4000000 cancel delay-3",
          "4000000 joined at 4000000, until 7600000 delegated, shown $5",
        ],
        sticky: [
          "3300000 write refresh of 0 #19",
          "4000000 rejoining vanished 1",
          "4000000 schedule 18000 of 1 #22",
          "4000000 write rejoin of 1 #23",
          "4000000 schedule 3600000 of 1 #25 delegated",
          "4000000 delegate delay-7 3600000 of 1",
          "4000000 cancel delay-5",
          "4000000 joined at 4000000, until 7600000 delegated, shown $6",
        ],
      },
    ],
    [
      "as gone twice by new leaves has no delayed leave any more",
      {},
      (call) => call.join(20_000).shows({ leaveId: "$l" }).until(40_000).shows({ leaveId: "$m" }).until(41_000),
      {
        state: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #10",
          "20000 cancel delay-1",
          "20000 write rejoin of 1 #12",
          "40000 rejoining vanished 1",
          "40000 delayed-leave-unsupported not-restarted",
          "40000 write rejoin of 2 #19",
          "40000 cancel delay-3",
          "40000 joined at 40000, unsupported, shown $5",
        ],
        sticky: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #9",
          "20000 write rejoin of 1 #10",
          "40000 rejoining vanished 1",
          "40000 delayed-leave-unsupported not-restarted",
          "40000 write rejoin of 2 #16",
          "40000 joined at 40000, unsupported, shown $5",
        ],
      },
    ],
    [
      "as gone twice by new leaves, with restarts that helped for long in between, has another delayed leave",
      {},
      (call) => call.join(20_000).shows({ leaveId: "$l" }).until(80_000).shows({ leaveId: "$m" }).until(81_000),
      {
        state: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #10",
          "20000 cancel delay-1",
          "20000 write rejoin of 1 #12",
          "80000 rejoining vanished 1",
          "80000 schedule 18000 of 2 #27",
          "80000 cancel delay-3",
          "80000 write rejoin of 2 #29",
          "80000 joined at 80000, until 98000, shown $6",
        ],
        sticky: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #9",
          "20000 write rejoin of 1 #10",
          "80000 rejoining vanished 1",
          "80000 schedule 18000 of 2 #24",
          "80000 write rejoin of 2 #25",
          "80000 joined at 80000, until 98000, shown $6",
        ],
      },
    ],
    [
      "as gone twice by new leaves, after restarts that helped for twice the delay, has another delayed leave",
      { timing: { delayedLeaveRestartMs: 6_000 } },
      (call) => call.join(20_000).shows({ leaveId: "$l" }).until(57_000).shows({ leaveId: "$m" }).until(57_100),
      {
        state: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #9",
          "20000 cancel delay-1",
          "20000 write rejoin of 1 #11",
          "57000 rejoining vanished 1",
          "57000 schedule 18000 of 2 #20",
          "57000 cancel delay-3",
          "57000 write rejoin of 2 #22",
          "57000 joined at 57000, until 75000, shown $6",
        ],
        sticky: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #8",
          "20000 write rejoin of 1 #9",
          "57000 rejoining vanished 1",
          "57000 schedule 18000 of 2 #17",
          "57000 write rejoin of 2 #18",
          "57000 joined at 57000, until 75000, shown $6",
        ],
      },
    ],
    [
      "as gone twice by new leaves, after restarts that helped for nearly twice the delay, has none",
      { timing: { delayedLeaveRestartMs: 6_000 } },
      (call) => call.join(20_000).shows({ leaveId: "$l" }).until(55_999).shows({ leaveId: "$m" }).until(56_100),
      {
        state: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #9",
          "20000 cancel delay-1",
          "20000 write rejoin of 1 #11",
          "55999 rejoining vanished 1",
          "55999 delayed-leave-unsupported not-restarted",
          "55999 write rejoin of 2 #19",
          "55999 cancel delay-3",
          "55999 joined at 55999, unsupported, shown $5",
        ],
        sticky: [
          "20000 rejoining vanished 1",
          "20000 schedule 18000 of 1 #8",
          "20000 write rejoin of 1 #9",
          "55999 rejoining vanished 1",
          "55999 delayed-leave-unsupported not-restarted",
          "55999 write rejoin of 2 #16",
          "55999 joined at 55999, unsupported, shown $5",
        ],
      },
    ],
    [
      "by an event that has expired by all clocks joins again",
      { timing: { expiryMs: 60_000, expiryHeadroomMs: 10_000 }, ...after(1, { write: "network" }) },
      (call) => call.join(59_000).shows(event("$2", true)).until(60_000),
      {
        state: [
          "50000 write refresh of 0 #15",
          "53000 write refresh of 0 #15",
          "56000 write refresh of 0 #15",
          "59000 write refresh of 0 #15",
          "60000 rejoining expired 1",
          "60000 write rejoin of 1 #21",
          "60000 expired: sending-membership 2, again at 63000",
        ],
        sticky: ["60000 joined at 0, until 78000"],
      },
    ],
    [
      "as gone while it leaves does not join again",
      after(0, { send: "lost", leave: "lost" }),
      (call) => call.join(1_000).input({ kind: "leave", cause: "leaveOn" }).shows("nothing").until(1_500),
      ["1000 leave-started leaveOn", "1000 send delay-1", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "joins again as expired if it could not be renewed in time",
      { timing: { expiryMs: 60_000, expiryHeadroomMs: 10_000 }, ...after(1, { write: "network" }) },
      (call) => call.join(80_000),
      {
        state: [
          "50000 write refresh of 0 #15",
          "53000 write refresh of 0 #15",
          "56000 write refresh of 0 #15",
          "59000 write refresh of 0 #15",
          "60000 rejoining expired 1",
          "60000 write rejoin of 1 #21",
          "63000 write rejoin of 1 #21",
          "66000 write rejoin of 1 #21",
          "69000 write rejoin of 1 #21",
          "72000 write rejoin of 1 #21",
          "75000 write rejoin of 1 #21",
          "78000 write rejoin of 1 #21",
          "78000 expired: sending-membership 8, again at 83000",
        ],
        sticky: ["80000 joined at 0, until 98000, shown $2"],
      },
    ],
    [
      "is written again as it is after a second join, at once if the network is back",
      { ...after(1, { write: "network" }) },
      (call) => call.join(1_000).shows("nothing").until(9_000).input({ kind: "resumed" }).until(9_100),
      {
        state: [
          "1000 rejoining vanished 1",
          "1000 write rejoin of 1 #6",
          "4000 write rejoin of 1 #6",
          "7000 write rejoin of 1 #6",
          "9000 write rejoin of 1 #6",
          "9000 vanished: sending-membership 5, again at 12000",
        ],
        sticky: [
          "1000 rejoining vanished 1",
          "1000 schedule 18000 of 1 #5",
          "1000 write rejoin of 1 #6",
          "4000 write rejoin of 1 #6",
          "7000 write rejoin of 1 #6",
          "9000 write rejoin of 1 #6",
          "9000 vanished: sending-membership 5, again at 12000",
        ],
      },
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind, ...setting }));
    expect(call.story(1)).toEqual(Array.isArray(expected) ? expected : expected[kind]);
  });
});
