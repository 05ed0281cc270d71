// Decisions: what a join traces, entry by entry, and when it acts after trouble. docs/troubleshooting.md.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";
import { own } from "./steps.ts";

const at = (asked: RequestKind, fromTs: number, untilTs: number, reply: Reply): Setting => ({
  reply: ({ kind }, ts) => (kind === asked && ts >= fromTs && ts < untilTs ? reply : undefined),
});
const leave = { kind: "leave", cause: "leaveOn" } as const;

describe("A join traces", () => {
  it.each<[string, Setting, (call: Chronicle) => Chronicle, string[]]>([
    [
      "each step",
      {},
      (call) => call.join(1_000).input(leave),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 delayed-leave-armed 18000 false",
        "0 membership-sent join",
        "0 write join of 0 #3",
        "0 membership-written join answer",
        "0 restart delay-1",
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "1000 leave-ended true",
      ],
    ],
    [
      "each step with a delegated delayed leave",
      { delegates: true },
      (call) => call.join(1_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 delayed-leave-armed 18000 false",
        "0 membership-sent join",
        "0 write join of 0 #3",
        "0 membership-written join answer",
        "0 restart delay-1",
        "0 schedule 3600000 of 0 #5 delegated",
        "0 delegate delay-3 3600000 of 0",
        "0 delayed-leave-armed 3600000 true",
        "0 cancel delay-1",
      ],
    ],
    [
      "each failure with its count",
      at("restart", 5_000, 7_001, "network"),
      (call) => call.join(12_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 delayed-leave-armed 18000 false",
        "0 membership-sent join",
        "0 write join of 0 #3",
        "0 membership-written join answer",
        "0 restart delay-1",
        "5000 restart delay-1",
        "5000 request-failed restart network 1",
        "6000 restart delay-1",
        "6000 request-failed restart network 2",
        "7000 restart delay-1",
        "7000 request-failed restart network 3",
        "8000 restart delay-1",
      ],
    ],
    [
      "a timeout, and the answer that comes late",
      at("restart", 5_000, 5_001, "lost"),
      (call) => call.join(7_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 delayed-leave-armed 18000 false",
        "0 membership-sent join",
        "0 write join of 0 #3",
        "0 membership-written join answer",
        "0 restart delay-1",
        "5000 restart delay-1",
        "7000 request-failed restart timeout 1",
        "7000 restart delay-1",
        "7000 abort restart",
      ],
    ],
    [
      "a late failure that passes, and nothing else of it",
      at("schedule", 0, 5_000, "lost"),
      (call) => call.join(11_000).late("schedule", "network"),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "10000 request-failed schedule timeout 1",
        "10000 schedule 18000 of 0 #2",
        "10000 delayed-leave-armed 18000 false",
        "10000 membership-sent join",
        "10000 write join of 0 #4",
        "10000 membership-written join answer",
        "10000 restart delay-1",
        "11000 late-answer schedule false",
      ],
    ],
    [
      "once that the membership is written, if the room shows it before the answer",
      at("write", 0, 1, "lost"),
      (call) =>
        call
          .join(500)
          .shows({ own: { ...own, eventId: "$2" } })
          .until(900)
          .late("write", { value: "$2" }),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 delayed-leave-armed 18000 false",
        "0 membership-sent join",
        "0 write join of 0 #3",
        "500 membership-written join sync",
        "500 restart delay-1",
      ],
    ],
    [
      "the failures of a schedule, and its success",
      at("schedule", 0, 7_000, "network"),
      (call) => call.join(10_000),
      [
        "0 capability",
        "0 schedule 18000 of 0 #2",
        "0 request-failed schedule network 1",
        "3000 schedule 18000 of 0 #2",
        "3000 request-failed schedule network 2",
        "6000 schedule 18000 of 0 #2",
        "6000 request-failed schedule network 3",
        "9000 schedule 18000 of 0 #2",
        "9000 delayed-leave-armed 18000 false",
        "9000 membership-sent join",
        "9000 write join of 0 #6",
        "9000 membership-written join answer",
        "9000 restart delay-1",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    expect(act(new Chronicle(setting)).log).toEqual(expected);
  });
});

describe("After restarts that failed", () => {
  it("the next comes earlier by a random part, so that not all clients of a server stay in step", () => {
    const restarts = (seed: string) => {
      const { log } = new Chronicle({
        timing: { jitter: 0.5 },
        beginning: { seed },
        ...at("restart", 5_000, 5_001, "network"),
      }).join(40_000);
      return log.flatMap((line) => (/^\d+ restart/.test(line) ? [Number.parseInt(line, 10)] : []));
    };
    const [one, other] = [restarts("one"), restarts("other")];
    expect(one.slice(0, 2)).toEqual([0, 5_000]);
    const gaps = ([, , again = 0, next = 0, last = 0]: number[]) => [again - 5_000, next - again, last - next];
    expect(gaps(one)[0]).toBeGreaterThan(1_000);
    for (const [, afterTrouble, usual] of [gaps(one), gaps(other)]) {
      expect(afterTrouble).toBeLessThan(5_000);
      expect(afterTrouble).toBeGreaterThanOrEqual(2_500);
      expect(usual).toBe(5_000);
    }
    expect(gaps(one)).not.toEqual(gaps(other));
  });

  it("a wait that the server asked for goes on when the room shows us", () => {
    const call = new Chronicle(at("schedule", 0, 1, "rate-limited")).join(1_000).input({ kind: "room", isIn: true });
    expect(call.until(5_000).log.filter((line) => line.includes(" schedule "))).toHaveLength(3);
    expect(call.log).toContain("5000 schedule 18000 of 0 #2");
    expect(call.log).not.toContain("1000 schedule 18000 of 0 #2");
  });
});
