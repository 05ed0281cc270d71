// Leave requests: how we leave, by what the server has answered until then. protocol.md 4.7.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";
import { own } from "./steps.ts";

const leave = { kind: "leave", cause: "leaveOn" } as const;
const withReason = { ...leave, reason: { code: "lunch" } } as const;
const failing = (replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }) => replies[kind],
});
/** The first write is answered, and no later one. */
const updateLost: Setting = { reply: ({ kind }, ts) => (kind === "write" && ts > 0 ? "lost" : undefined) };

type Expected = string[] | { readonly state: string[]; readonly sticky: string[] };
type Row = [string, Setting, (call: Chronicle) => Chronicle, Expected];

describe.each(["state", "sticky"] as const)("To leave as a %s member,", (kind) => {
  it.each<Row>([
    [
      "the delayed leave is sent",
      {},
      (call) => call.join(1_000).input(leave),
      ["1000 leave-started leaveOn", "1000 send delay-1", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "the delayed leave is sent by a page that may close at once",
      {},
      (call) => call.join(1_000).input({ kind: "leave", cause: "unsubscribe" }),
      [
        "1000 leave-started unsubscribe",
        "1000 send delay-1 lasting",
        "1000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "nothing is asked for again by a second leave",
      {},
      (call) => call.join(1_000).input(leave).input(leave),
      ["1000 leave-started leaveOn", "1000 send delay-1", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a leave is sent if there is no delayed leave",
      failing({ schedule: "unsupported" }),
      (call) => call.join(1_000).input(leave),
      ["1000 leave-started leaveOn", "1000 leave of 0 #4", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a write without an answer is waited for, for two seconds",
      failing({ write: "lost" }),
      (call) => call.join(1_000).input(leave).until(60_000),
      ["1000 leave-started leaveOn", "3000 leave of 0 #4", "3000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a write that is answered meanwhile is ended by the delayed leave",
      failing({ write: "lost" }),
      (call) => call.join(1_000).input(leave).until(2_000).late("write").until(60_000),
      ["1000 leave-started leaveOn", "2000 send delay-1", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a write that is refused meanwhile needs no leave",
      failing({ write: "lost" }),
      (call) => call.join(1_000).input(leave).until(2_000).late("write", "forbidden").until(60_000),
      ["1000 leave-started leaveOn", "2000 cancel delay-1", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a write that failed meanwhile may have arrived, and needs one",
      failing({ write: "lost" }),
      (call) => call.join(1_000).input(leave).until(2_000).late("write", "network").until(60_000),
      ["1000 leave-started leaveOn", "2000 leave of 0 #4", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a delayed leave without an answer is waited for, for two seconds",
      failing({ schedule: "lost" }),
      (call) => call.join(1_000).input(leave).until(60_000),
      ["1000 leave-started leaveOn", "3000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a delayed leave that is answered meanwhile is cancelled",
      failing({ schedule: "lost" }),
      (call) => call.join(1_000).input(leave).until(2_000).late("schedule").until(60_000),
      ["1000 leave-started leaveOn", "2000 cancel delay-1", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a delayed leave that is answered meanwhile is cancelled, with a reason, too",
      failing({ schedule: "lost" }),
      (call) => call.join(1_000).input(withReason).until(2_000).late("schedule").until(60_000),
      ["1000 leave-started leaveOn", "2000 cancel delay-1", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a leave is sent if the delayed leave gets no answer, and that is cancelled",
      failing({ send: "lost" }),
      (call) => call.join(1_000).input(leave).until(60_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "3000 leave of 0 #6",
        "3000 cancel delay-1",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "a leave is sent if the delayed leave is gone",
      failing({ send: "not-found" }),
      (call) => call.join(1_000).input(leave).until(60_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "1000 leave of 0 #6",
        "1000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "a leave without an answer is repeated for half a minute with one transaction id",
      failing({ send: "lost", leave: "lost" }),
      (call) => call.join(1_000).input(leave).until(90_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "3000 leave of 0 #6",
        "13000 leave of 0 #6",
        "23000 leave of 0 #6",
        "31000 abort send",
        "31000 leave-ended false leave-timeout",
        "1000 leaving since 1000",
      ],
    ],
    [
      "the absence that the room shows is an answer",
      failing({ send: "lost" }),
      (call) => call.join(1_000).input(leave).until(2_000).shows({ leaveId: "$l" }).until(60_000),
      ["1000 leave-started leaveOn", "1000 send delay-1", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "the absence that the room shows is an answer to a leave, and the delayed leave is cancelled",
      failing({ send: "lost", leave: "lost" }),
      (call) => call.join(1_000).input(leave).until(4_000).shows({ leaveId: "$l" }).until(60_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "3000 leave of 0 #6",
        "4000 cancel delay-1",
        "4000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "the absence that the room shows is no answer if an update may still arrive",
      updateLost,
      (call) => call.join(1_000).intent("audio").input(leave).until(1_500).shows({ leaveId: "$l" }).until(60_000),
      [
        "1000 write update of 0 #5",
        "1000 leave-started leaveOn",
        "3000 leave of 0 #6",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "the absence that the room shows is no answer if an update got none in time",
      { reply: ({ kind: asked }, ts) => (asked === "send" || (asked === "write" && ts > 0) ? "lost" : undefined) },
      (call) => call.join(1_000).intent("audio").until(15_000).input(leave).shows({ leaveId: "$l" }).until(60_000),
      [
        "1000 write update of 0 #5",
        "11000 write update of 0 #5",
        "15000 leave-started leaveOn",
        "17000 leave of 0 #10",
        "17000 leave-ended true",
        "15000 leaving since 15000",
      ],
    ],
    [
      "the absence that the room has always shown is no answer",
      { shows: false, ...failing({ send: "lost" }) },
      (call) => call.join(1_000).input(leave).until(1_500).shows("nothing").until(60_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "3000 leave of 0 #6",
        "3000 cancel delay-1",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "the absence that the room shows is no answer if our event still stands",
      failing({ send: "lost" }),
      (call) =>
        call
          .join(1_000)
          .input(leave)
          .until(1_500)
          .shows({ standing: { eventId: "$2", originServerTs: 0, isExpired: false } })
          .until(60_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "3000 leave of 0 #6",
        "3000 cancel delay-1",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "a leave with the reason is sent, and then the delayed leave ends",
      {},
      (call) => call.join(1_000).input(withReason),
      {
        state: [
          "1000 leave-started leaveOn",
          "1000 leave of 0 #5 lunch",
          "1000 cancel delay-1",
          "1000 leave-ended true",
          "1000 leaving since 1000",
        ],
        sticky: [
          "1000 leave-started leaveOn",
          "1000 leave of 0 #5 lunch",
          "1000 cancel delay-1 after a reason",
          "1000 leave-ended true",
          "1000 leaving since 1000",
        ],
      },
    ],
    [
      "the delayed leave is sent out of the room, and again when we are back",
      {},
      (call) =>
        call
          .join(1_000)
          .input({ kind: "room", isIn: false })
          .input(leave)
          .until(20_000)
          .input({ kind: "room", isIn: true }),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "1000 leave of 0 #6",
        "1000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "nothing is sent again before we are back in the room",
      {
        reply: ({ kind: asked }, ts) =>
          asked === "send" ? "forbidden" : asked === "leave" && ts < 9_000 ? "forbidden" : undefined,
      },
      (call) =>
        call
          .join(1_000)
          .input({ kind: "room", isIn: false })
          .input(leave)
          .until(9_000)
          .input({ kind: "room", isIn: true })
          .until(10_000),
      [
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "1000 leave of 0 #6",
        "9000 leave of 0 #6",
        "9000 cancel delay-1",
        "9000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "the wait that the server asks for is kept when we are kicked, and over when we are back",
      {
        reply: ({ kind: asked }, ts) =>
          asked === "send" ? "rate-limited" : asked === "leave" && ts < 9_000 ? "forbidden" : undefined,
      },
      (call) =>
        call
          .join(1_000)
          .input(leave)
          .until(2_000)
          .input({ kind: "room", isIn: false })
          .until(3_000)
          .input({ kind: "room", isIn: true })
          .until(4_000),
      ["1000 leave-started leaveOn", "1000 send delay-1", "3000 leave of 0 #6", "1000 leaving since 1000"],
    ],
    [
      "nothing is needed without a login if nothing was written",
      failing({ schedule: "soft-logged-out" }),
      (call) => call.join(1_000).input(leave),
      ["1000 leave-started leaveOn", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "nothing more is done after a refused cancel",
      failing({ schedule: "lost", cancel: "network" }),
      (call) => call.join(1_000).input(leave).until(2_000).late("schedule").until(60_000),
      ["1000 leave-started leaveOn", "2000 cancel delay-1", "2000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "a restart is no longer waited for",
      failing({ restart: "lost" }),
      (call) => call.join(1_000).input(leave),
      [
        "1000 leave-started leaveOn",
        "1000 abort restart",
        "1000 send delay-1",
        "1000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "the limits are no longer waited for",
      failing({ capability: "lost" }),
      (call) => call.join(1_000).input(leave),
      ["1000 leave-started leaveOn", "1000 abort capability", "1000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "nothing is sent before the client is in touch again if the login has expired",
      { reply: ({ kind: asked }, ts) => (asked === "restart" && ts === 5_000 ? "soft-logged-out" : undefined) },
      (call) => call.join(6_000).input(leave).until(9_000).input({ kind: "resumed" }).until(60_000),
      ["6000 leave-started leaveOn", "9000 send delay-1", "9000 leave-ended true", "6000 leaving since 6000"],
    ],
    [
      "a membership that the room shows and the server has not answered is ended",
      failing({ write: "lost" }),
      (call) =>
        call
          .join(500)
          .shows({ own: { ...own, eventId: "$1" } })
          .until(1_000)
          .input(leave)
          .until(60_000),
      [
        "500 membership-written join sync",
        "1000 leave-started leaveOn",
        "3000 leave of 0 #5",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind, ...setting }));
    expect(call.story(500)).toEqual(Array.isArray(expected) ? expected : expected[kind]);
  });
});
