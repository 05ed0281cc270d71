// Long delayed leave: one that another party restarts, scheduled beside the short one. protocol.md 6.4.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { begun, Chronicle, type Reply, type Setting } from "./chronicle.ts";

type Row = [string, Setting, (call: Chronicle) => Chronicle, Expected];
type Expected = string[] | { readonly state: string[]; readonly sticky: string[] };
const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
/** The long delayed leave gets another answer than the short one. */
const long = (reply: Reply): Setting => ({
  reply: (request) => (request.kind === "schedule" && request.delegated ? reply : undefined),
});
const leave = { kind: "leave", cause: "leaveOn" } as const;

describe.each(["state", "sticky"] as const)("The long delayed leave of a %s member", (kind) => {
  it.each<Row>([
    [
      "replaces the short one when it is accepted",
      {},
      (call) => call.join(700_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "0 cancel delay-1",
        "600000 joined at 0, until 4200000 delegated, shown $2",
      ],
    ],
    [
      "is not asked for before we have joined",
      after(0, { write: "lost" }),
      (call) => call.join(2_000),
      [...begun, "0 joining: sending-membership 1"],
    ],
    [
      "is not asked for without a short one",
      after(0, { schedule: "unsupported" }),
      (call) => call.join(2_000),
      [
        "0 schedule 18000 of 0 #2",
        "0 delayed-leave-unsupported unsupported",
        "0 write join of 0 #3",
        "0 joined at 0, unsupported, shown $1",
      ],
    ],
    [
      "is not asked for again if the server refuses it",
      long("max-delay-exceeded"),
      (call) => call.join(40_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegation-refused max-delay-exceeded",
        "40000 joined at 0, until 58000, shown $2",
      ],
    ],
    [
      "is cancelled if the other party refuses it",
      after(0, { delegate: "other" }),
      (call) => call.join(40_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "0 delegation-refused other",
        "0 cancel delay-3",
        "40000 joined at 0, until 58000, shown $2",
      ],
    ],
    [
      "is cancelled if the other party does not answer",
      after(0, { delegate: "lost" }),
      (call) => call.join(40_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "10000 delegation-refused timeout",
        "10000 cancel delay-3",
        "30000 abort delegate",
        "40000 joined at 0, until 58000, shown $2",
      ],
    ],
    [
      "is cancelled if the other party accepts it when it has been given up",
      after(0, { delegate: "lost" }),
      (call) => call.join(15_000).late("delegate").until(20_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "10000 delegation-refused timeout",
        "10000 cancel delay-3",
        "15000 late-answer delegate true",
        "20000 joined at 0, until 38000, shown $2",
      ],
    ],
    [
      "counts from when it was scheduled if the other party is slow",
      after(0, { delegate: "lost" }),
      (call) => call.join(4_000).late("delegate").until(400_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "4000 cancel delay-1",
        "304000 joined at 0, until 3904000 delegated, shown $2",
      ],
    ],
    [
      "is cancelled if we leave before it is accepted",
      after(0, { delegate: "lost" }),
      (call) => call.join(4_000).input(leave).until(20_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "4000 leave-started leaveOn",
        "4000 abort delegate",
        "4000 cancel delay-3",
        "4000 send delay-1",
        "4000 leave-ended true",
        "4000 leaving since 4000",
      ],
    ],
    [
      "is cancelled if we leave before it is scheduled",
      long("lost"),
      (call) => call.join(4_000).input(leave).until(4_500).late("schedule").until(20_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "4000 leave-started leaveOn",
        "4000 send delay-1",
        "4500 delayed-leave-duplicate",
        "4500 cancel delay-3",
        "4500 leave-ended true",
        "4000 leaving since 4000",
      ],
    ],
    [
      "is cancelled if we join again before it is accepted",
      after(0, { delegate: "lost" }),
      (call) => call.join(4_000).shows("nothing").until(6_000),
      {
        state: [
          ...begun,
          "0 schedule 3600000 of 0 #5 delegated",
          "0 delegate delay-3 3600000 of 0",
          "4000 rejoining vanished 1",
          "4000 cancel delay-3",
          "4000 write rejoin of 1 #9",
          "4000 joined at 4000, until 22000, shown $4",
        ],
        sticky: [
          ...begun,
          "0 schedule 3600000 of 0 #5 delegated",
          "0 delegate delay-3 3600000 of 0",
          "4000 rejoining vanished 1",
          "4000 schedule 18000 of 1 #7",
          "4000 cancel delay-3",
          "4000 write rejoin of 1 #9",
          "4000 joined at 4000, until 22000, shown $5",
        ],
      },
    ],
    [
      "is cancelled if it is scheduled when we join again",
      { ...long("lost") },
      (call) => call.join(4_000).shows("nothing").late("schedule").until(6_000),
      {
        state: [
          ...begun,
          "0 schedule 3600000 of 0 #5 delegated",
          "4000 rejoining vanished 1",
          "4000 write rejoin of 1 #7",
          "4000 delegate delay-4 3600000 of 1",
          "4000 cancel delay-1",
          "4000 joined at 4000, until 3600000 delegated, shown $3",
        ],
        sticky: [
          ...begun,
          "0 schedule 3600000 of 0 #5 delegated",
          "4000 rejoining vanished 1",
          "4000 schedule 18000 of 1 #6",
          "4000 write rejoin of 1 #7",
          "4000 schedule 3600000 of 1 #9 delegated",
          "4000 joined at 4000, until 22000, shown $4",
        ],
      },
    ],
    [
      "is scheduled once if the first answer comes late",
      long("lost"),
      (call) => call.join(9_000).late("schedule").until(13_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "9000 delegate delay-3 3600000 of 0",
        "9000 cancel delay-1",
        "9000 joined at 0, until 3600000 delegated, shown $2",
      ],
    ],
    [
      "is asked for again if it was lost",
      after(300_000, { restart: "not-found" }),
      (call) => call.join(300_500),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "0 cancel delay-1",
        "300000 delayed-leave-gone false",
        "300000 schedule 18000 of 0 #9",
        "300000 schedule 3600000 of 0 #10 delegated",
        "300000 delegate delay-5 3600000 of 0",
        "300000 cancel delay-4",
        "300000 joined at 0, until 3900000 delegated, shown $2",
      ],
    ],
    [
      "is cancelled if it is scheduled when it has been given up",
      long("lost"),
      (call) => call.join(12_000).late("schedule").until(13_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "10000 delegation-refused timeout",
        "12000 late-answer schedule true",
        "12000 delayed-leave-duplicate",
        "12000 cancel delay-3",
        "10000 joined at 0, until 28000, shown $2",
      ],
    ],
    [
      "is scheduled for the new instance when the other party has accepted that of the one before",
      after(0, { delegate: "lost" }),
      (call) => call.join(4_000).shows("nothing").until(4_500).late("delegate").until(6_000),
      {
        state: [
          ...begun,
          "0 schedule 3600000 of 0 #5 delegated",
          "0 delegate delay-3 3600000 of 0",
          "4000 rejoining vanished 1",
          "4000 cancel delay-3",
          "4000 write rejoin of 1 #9",
          "4500 schedule 3600000 of 1 #11 delegated",
          "4500 delegate delay-5 3600000 of 1",
          "4000 joined at 4000, until 22000, shown $4",
        ],
        sticky: [
          ...begun,
          "0 schedule 3600000 of 0 #5 delegated",
          "0 delegate delay-3 3600000 of 0",
          "4000 rejoining vanished 1",
          "4000 schedule 18000 of 1 #7",
          "4000 cancel delay-3",
          "4000 write rejoin of 1 #9",
          "4500 schedule 3600000 of 1 #11 delegated",
          "4500 delegate delay-6 3600000 of 1",
          "4000 joined at 4000, until 22000, shown $5",
        ],
      },
    ],
    [
      "takes the place of a short one that was lost",
      {
        reply: ({ kind: asked }, ts) =>
          asked === "delegate" || (asked === "schedule" && ts > 0)
            ? "lost"
            : asked === "restart" && ts > 0
              ? "not-found"
              : undefined,
      },
      (call) => call.join(6_000).late("delegate").until(7_000).late("schedule").until(8_000),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "5000 delayed-leave-gone false",
        "5000 schedule 18000 of 0 #8",
        "7000 delayed-leave-duplicate",
        "7000 cancel delay-4",
        "6000 joined at 0, until 3600000 delegated, shown $2",
      ],
    ],
    [
      "is sent to leave",
      {},
      (call) => call.join(5_000).input(leave),
      [
        ...begun,
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "0 cancel delay-1",
        "5000 leave-started leaveOn",
        "5000 send delay-3",
        "5000 leave-ended true",
        "5000 leaving since 5000",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind, delegates: true, ...setting }));
    expect(call.story(0).slice(1)).toEqual(Array.isArray(expected) ? expected : expected[kind]);
  });

  it("is delegated for the member after a re-join, if the other party never answered for the one before", () => {
    const call = new Chronicle({
      kind,
      delegates: true,
      reply: (request) => (request.kind === "delegate" && request.joinCount === 0 ? "lost" : undefined),
    });
    const story = call.join(9_000).shows("nothing").until(60_000).story(9_000);
    expect(story.filter((line) => line.includes(" delegate "))).toEqual([
      expect.stringMatching(/^10000 delegate delay-\d 3600000 of 1$/),
    ]);
    expect(story.at(-1)).toContain("until 3610000 delegated");
  });
});
