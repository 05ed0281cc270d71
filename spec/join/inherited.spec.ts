// Inherited: a join begins with what an earlier join of the same client has left behind. protocol.md 4.7.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { begun, Chronicle, type Reply, type Setting } from "./chronicle.ts";
import { own } from "./steps.ts";

type Row = [string, Setting, (call: Chronicle) => Chronicle, string[]];
const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
const leave = { kind: "leave", cause: "leaveOn" } as const;
const old = [{ delayId: "old", untilTs: 18_000 }];
const two = [...old, { delayId: "older", untilTs: 9_000 }];
const blocked = { isBlocked: true };
const free = { kind: "unblocked", obsolete: old, isMember: true } as const;

describe("A join after another join of the same client", () => {
  it.each<Row>([
    [
      "cancels the delayed leave of that before it asks for its own",
      { beginning: { obsolete: old } },
      (call) => call.join(5_000),
      [
        "0 capability",
        "0 cancel old",
        "0 schedule 18000 of 0 #3",
        "0 write join of 0 #4",
        "5000 joined at 0, until 23000, shown $2",
      ],
    ],
    [
      "cancels two",
      { beginning: { obsolete: two } },
      (call) => call.join(5_000),
      [
        "0 capability",
        "0 cancel old",
        "0 cancel older",
        "0 schedule 18000 of 0 #4",
        "0 write join of 0 #5",
        "5000 joined at 0, until 23000, shown $2",
      ],
    ],
    [
      "waits for four seconds for the cancel",
      { beginning: { obsolete: old }, ...after(0, { cancel: "lost" }) },
      (call) => call.join(5_000),
      [
        "0 capability",
        "0 cancel old",
        "2000 cancel old",
        "4000 schedule 18000 of 0 #4",
        "4000 cancel old",
        "4000 write join of 0 #6",
        "4000 joined at 4000, until 22000, shown $2",
      ],
    ],
    [
      "tries to cancel for as long as it could be sent",
      { beginning: { obsolete: old }, ...after(0, { cancel: "network" }) },
      (call) => call.join(25_000),
      [
        "0 capability",
        "0 cancel old",
        "3000 cancel old",
        "4000 schedule 18000 of 0 #4",
        "4000 write join of 0 #5",
        "6000 cancel old",
        "9000 cancel old",
        "12000 cancel old",
        "15000 cancel old",
        "24000 joined at 4000, until 42000, shown $2",
      ],
    ],
    [
      "tries to cancel one after the other",
      { beginning: { obsolete: two }, ...after(0, { cancel: "network" }) },
      (call) => call.join(25_000),
      [
        "0 capability",
        "0 cancel old",
        "3000 cancel older",
        "4000 schedule 18000 of 0 #4",
        "4000 write join of 0 #5",
        "6000 cancel old",
        "9000 cancel old",
        "12000 cancel old",
        "15000 cancel old",
        "24000 joined at 4000, until 42000, shown $2",
      ],
    ],
    [
      "does not try again what cannot be cancelled",
      { beginning: { obsolete: old }, ...after(0, { cancel: "not-found" }) },
      (call) => call.join(25_000),
      [
        "0 capability",
        "0 cancel old",
        "0 schedule 18000 of 0 #3",
        "0 write join of 0 #4",
        "25000 joined at 0, until 43000, shown $2",
      ],
    ],
    [
      "leaves in place of that, although it has written nothing",
      { beginning: { isMember: true }, ...after(0, { schedule: "lost" }) },
      (call) => call.join(1_000).input(leave).until(9_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "1000 leave-started leaveOn",
        "1000 leave of 0 #3",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "leaves without a leave if nothing was left behind",
      after(0, { schedule: "lost" }),
      (call) => call.join(1_000).input(leave).until(9_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "1000 leave-started leaveOn",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "is not taken for the member of that",
      { beginning: { isMember: true }, shows: false },
      (call) =>
        call
          .shows({ own: { ...own, eventId: "$0" } })
          .join(500)
          .shows({ own: { ...own, eventId: "$0" } })
          .until(20_000),
      ["0 capability", ...begun, "20000 joined at 0, until 38000"],
    ],
    [
      "asks for nothing while that leaves",
      { beginning: blocked },
      (call) => call.join(60_000),
      ["0 joining: waiting-for-leave 1"],
    ],
    [
      "ends without a request while that leaves",
      { beginning: blocked },
      (call) => call.join(1_000).input(leave).until(9_000),
      ["1000 leave-started leaveOn", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "begins when that has left",
      { beginning: blocked },
      (call) => call.join(1_000).input({ kind: "unblocked", obsolete: [], isMember: false }).until(9_000),
      [
        "1000 capability",
        "1000 schedule 18000 of 0 #2",
        "1000 write join of 0 #3",
        "6000 joined at 1000, until 24000, shown $2",
      ],
    ],
    [
      "begins with what is left then",
      { beginning: blocked, ...after(0, { cancel: "lost" }) },
      (call) => call.join(1_000).input(free).until(9_000),
      [
        "1000 capability",
        "1000 cancel old",
        "3000 cancel old",
        "5000 schedule 18000 of 0 #4",
        "5000 cancel old",
        "5000 write join of 0 #6",
        "7000 cancel old",
        "9000 cancel old",
        "5000 joined at 5000, until 23000, shown $2",
      ],
    ],
    [
      "leaves what is left then",
      { beginning: blocked, ...after(0, { schedule: "lost" }) },
      (call) => call.join(1_000).input(free).until(1_500).input(leave).until(9_000),
      [
        "1000 capability",
        "1000 cancel old",
        "1000 schedule 18000 of 0 #3",
        "1500 leave-started leaveOn",
        "1500 leave of 0 #4",
        "3500 leave-ended true",
        "1500 leaving since 1500",
      ],
    ],
    [
      "has nothing to leave if nothing is left then",
      { beginning: blocked, ...after(0, { schedule: "lost" }) },
      (call) => call.join(1_000).input({ kind: "unblocked", obsolete: [], isMember: false }).input(leave).until(9_000),
      [
        "1000 capability",
        "1000 schedule 18000 of 0 #2",
        "1000 leave-started leaveOn",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "leaves by an event, which comes after the writes of that, and not by its delayed leave",
      { openSlot: true, beginning: { isMember: true }, ...after(0, { "open-slot": "lost" }) },
      (call) => call.join(1_000).input(leave).until(9_000),
      [
        "0 capability",
        "0 open-slot",
        "0 schedule 18000 of 0 #3",
        "1000 leave-started leaveOn",
        "1000 abort open-slot",
        "1000 leave of 0 #4",
        "1000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "says nothing more when another join replaces it",
      {},
      (call) => call.join(1_000).input({ kind: "replaced" }).until(90_000),
      ["0 capability", ...begun, "0 joined at 0, until 18000, shown $2"],
    ],
  ])("%s", (_, setting, act, expected) => {
    expect(act(new Chronicle(setting)).story()).toEqual(expected);
  });
});
