// Slot asked: the slot is opened before we join, if the options ask for that. protocol.md 8.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { begun, Chronicle, type Reply, type Setting } from "./chronicle.ts";

type Row = [string, Setting, (call: Chronicle) => Chronicle, Expected];
type Expected = string[] | { readonly state: string[]; readonly sticky: string[] };
const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
const closed = { kind: "slot", status: "closed" } as const;
const open = { kind: "slot", status: "open" } as const;

describe.each(["state", "sticky"] as const)("A %s member that opens the slot", (kind) => {
  it.each<Row>([
    [
      "does so when its transports are known",
      {},
      (call) => call.input({ kind: "clock" }).until(1_000).join(2_000),
      [
        "0 capability",
        "1000 schedule 18000 of 0 #2",
        "1000 open-slot",
        "1000 write join of 0 #4",
        "1000 joined at 1000, until 19000, shown $2",
      ],
    ],
    [
      "does not if it is open",
      {},
      (call) => call.input(open).join(2_000),
      ["0 capability", ...begun, "0 joined at 0, until 18000, shown $2"],
    ],
    [
      "does so if it is closed",
      {},
      (call) => call.input(closed).join(2_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 open-slot",
        "0 write join of 0 #4",
        "0 joined at 0, until 18000, shown $2",
      ],
    ],
    [
      "joins without an answer after four seconds, unless it is closed",
      after(0, { "open-slot": "lost" }),
      (call) => call.join(9_000),
      [
        "0 capability",
        "0 open-slot",
        "0 schedule 18000 of 0 #3",
        "4000 write join of 0 #4",
        "9000 joined at 4000, until 27000, shown $2",
      ],
    ],
    [
      "waits for an answer if it is closed and hides the member",
      after(0, { "open-slot": "lost" }),
      (call) => call.input(closed).join(9_000),
      {
        state: [
          "0 capability",
          "0 schedule 18000 of 0 #2",
          "0 open-slot",
          "4000 write join of 0 #4",
          "9000 joined at 4000, until 27000, shown $2",
        ],
        sticky: ["0 capability", "0 schedule 18000 of 0 #2", "0 open-slot", "0 joining: opening-slot 1"],
      },
    ],
    [
      "tries again after trouble of the network",
      after(0, { "open-slot": "network" }),
      (call) => call.join(9_000),
      [
        "0 capability",
        "0 open-slot",
        "0 schedule 18000 of 0 #3",
        "3000 open-slot",
        "4000 write join of 0 #5",
        "6000 open-slot",
        "9000 open-slot",
        "9000 joined at 4000, until 27000, shown $2",
      ],
    ],
    [
      "does not try again if it is refused",
      after(0, { "open-slot": "forbidden" }),
      (call) => call.join(9_000),
      [
        "0 capability",
        "0 open-slot",
        "0 schedule 18000 of 0 #3",
        "0 write join of 0 #4",
        "5000 joined at 0, until 23000, shown $2",
      ],
    ],
    [
      "fails if that is refused and the closed slot hides the member",
      after(0, { "open-slot": "forbidden" }),
      (call) => call.input(closed).join(9_000),
      {
        state: [
          "0 capability",
          "0 schedule 18000 of 0 #2",
          "0 open-slot",
          "0 write join of 0 #4",
          "5000 joined at 0, until 23000, shown $2",
        ],
        sticky: [
          "0 capability",
          "0 schedule 18000 of 0 #2",
          "0 open-slot",
          "0 leave-started failure",
          "0 cancel delay-1",
          "0 leave-ended true join-refused",
          "0 leaving since 0",
        ],
      },
    ],
    [
      "leaves when it is closed again",
      {},
      (call) => call.join(2_000).input(closed).until(9_000),
      {
        state: [
          "0 capability",
          "0 open-slot",
          "0 schedule 18000 of 0 #3",
          "0 write join of 0 #4",
          "5000 joined at 0, until 23000, shown $2",
        ],
        sticky: [
          "0 capability",
          "0 open-slot",
          "0 schedule 18000 of 0 #3",
          "0 write join of 0 #4",
          "2000 leave-started failure",
          "2000 leave of 0 #6 slot_closed",
          "2000 cancel delay-1 after a reason",
          "2000 leave-ended true join-refused",
          "2000 leaving since 2000",
        ],
      },
    ],
    [
      "does not count the absence that a closed slot causes as its leave",
      after(3_000, { leave: "lost", send: "lost" }),
      (call) => call.join(3_000).input(closed).until(3_500).shows({ leaveId: "$l" }).until(4_000),
      {
        state: [
          "0 capability",
          "0 open-slot",
          "0 schedule 18000 of 0 #3",
          "0 write join of 0 #4",
          "3500 rejoining vanished 1",
          "3500 write rejoin of 1 #7",
          "3500 joined at 3500, until 21500, shown $3",
        ],
        sticky: [
          "0 capability",
          "0 open-slot",
          "0 schedule 18000 of 0 #3",
          "0 write join of 0 #4",
          "3000 leave-started failure",
          "3000 leave of 0 #6 slot_closed",
          "3000 leaving since 3000",
        ],
      },
    ],
    [
      "gives up to open it when it is opened by another",
      after(0, { "open-slot": "network" }),
      (call) => call.join(1_000).input(open).until(9_000),
      [
        "0 capability",
        "0 open-slot",
        "0 schedule 18000 of 0 #3",
        "1000 write join of 0 #4",
        "6000 joined at 1000, until 24000, shown $2",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind, openSlot: true, ...setting }));
    expect(call.story()).toEqual(Array.isArray(expected) ? expected : expected[kind]);
  });
});
