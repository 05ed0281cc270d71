// Left behind: what a join hands over to the next join of the same client. protocol.md 4.7.
import { describe, expect, it } from "vitest";
import { leftBehindBy } from "../../src/join/handover.ts";
import type { IntervalClock } from "../../src/rx/interval-clock.ts";
import { Chronicle, type Setting } from "./chronicle.ts";

const leave = { kind: "leave", cause: "leaveOn" } as const;
/** The clock of intervals at the end of the story, a second ahead of the wall clock. */
const clockOf = ({ now }: Chronicle) => ({ now: () => now, aheadMs: 1_000 }) as IntervalClock;
const lost = (...kinds: string[]): Setting => ({ reply: ({ kind }) => (kinds.includes(kind) ? "lost" : undefined) });
const old = [{ delayId: "old", untilTs: 90_000 }];
const ahead = { delayId: "old", untilTs: 89_000 };

describe("A join leaves behind", () => {
  it.each<[string, Setting, (call: Chronicle) => Chronicle, unknown]>([
    ["nothing before it has written", {}, (call) => call.input(leave), { obsolete: [], isMember: false }],
    ["nothing when it has left", {}, (call) => call.join(1_000).input(leave), { obsolete: [], isMember: false }],
    [
      "its membership and its delayed leave, by the wall clock, in the call",
      {},
      (call) => call.join(1_000),
      { obsolete: [{ delayId: "delay-1", untilTs: 18_000 }], isMember: true },
    ],
    [
      "its membership when its leave is not confirmed",
      { reply: ({ kind }) => (kind === "schedule" ? "unsupported" : kind === "leave" ? "lost" : undefined) },
      (call) => call.join(1_000).input(leave).until(60_000),
      { obsolete: [], isMember: true },
    ],
    [
      "a membership that may arrive",
      lost("write"),
      (call) => call.join(1_000),
      { obsolete: [{ delayId: "delay-1", untilTs: 18_000 }], isMember: true },
    ],
    [
      "what it has taken over",
      { beginning: { obsolete: old, isMember: true }, ...lost("cancel", "schedule") },
      (call) => call.join(1_000),
      { obsolete: [ahead], isMember: true },
    ],
    [
      "what it has taken over, and its own",
      { beginning: { obsolete: old }, ...lost("cancel") },
      (call) => call.join(5_000),
      { obsolete: [ahead, { delayId: "delay-1", untilTs: 22_000 }], isMember: true },
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle(setting));
    expect(leftBehindBy(call.state, clockOf(call))).toEqual(expected);
  });
});
