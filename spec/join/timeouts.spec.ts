// Timeouts: how long a join waits for each answer, and how long a leave is tried. protocol.md 4.1.
import { describe, expect, it } from "vitest";
import type { JoinTiming } from "../../src/join/options.ts";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Setting } from "./chronicle.ts";

const leave = { kind: "leave", cause: "leaveOn" } as const;
const old = [{ delayId: "old", untilTs: 60_000 }];
const lost =
  (asked: RequestKind): NonNullable<Setting["reply"]> =>
  ({ kind }) =>
    kind === asked ? "lost" : undefined;

describe("An answer is waited for", () => {
  it.each<[RequestKind, number, Setting, (call: Chronicle) => Chronicle]>([
    ["capability", 2_000, {}, (call) => call.join(20_000)],
    ["schedule", 10_000, {}, (call) => call.join(20_000)],
    ["write", 10_000, {}, (call) => call.join(20_000)],
    ["restart", 2_000, {}, (call) => call.join(20_000)],
    ["open-slot", 10_000, { openSlot: true }, (call) => call.join(20_000)],
    ["delegate", 10_000, { delegates: true }, (call) => call.join(20_000)],
    ["cancel", 2_000, { beginning: { obsolete: old } }, (call) => call.join(20_000)],
    ["send", 2_000, {}, (call) => call.join(0).input(leave).until(20_000)],
    [
      "leave",
      10_000,
      { reply: ({ kind }) => (kind === "schedule" ? "unsupported" : kind === "leave" ? "lost" : undefined) },
      (call) => call.join(0).input(leave).until(20_000),
    ],
  ])("for a request of the kind %s: %d ms", (asked, ms, setting, act) => {
    const { log } = act(new Chronicle({ reply: lost(asked), ...setting }));
    expect(log.find((line) => line.includes(" timeout "))).toBe(`${ms} request-failed ${asked} timeout 1`);
  });

  it.each<[RequestKind, JoinTiming]>([
    ["restart", { delayedLeaveRestartTimeoutMs: 700 }],
    ["schedule", { requestTimeoutMs: 700 }],
  ])("as long as the options say: %s", (asked, timing) => {
    const { log } = new Chronicle({ timing, reply: lost(asked) }).join(3_000);
    expect(log.find((line) => line.includes(" timeout "))).toBe(`700 request-failed ${asked} timeout 1`);
  });
});

describe("A leave that is not confirmed", () => {
  const hopeless = (timing: JoinTiming = {}) =>
    new Chronicle({ timing, reply: ({ kind }) => (kind === "send" || kind === "leave" ? "lost" : undefined) })
      .join(0)
      .input(leave);

  it.each([
    [{}, 10_000],
    [{ leaveTimeoutMs: 4_000 }, 4_000],
  ])("times out for its caller when the options say so: %j", (timing, ms) => {
    expect(hopeless(timing).until(ms - 1).state.leaving?.hasTimedOut).toBe(false);
    expect(hopeless(timing).until(ms).state.leaving?.hasTimedOut).toBe(true);
  });

  it("is given up after half a minute", () => {
    expect(hopeless().until(29_999).state.isOver).toBe(false);
    const over = hopeless().until(30_000);
    expect(over.state).toMatchObject({ isOver: true, leaving: { failure: { code: "leave-timeout" } } });
    expect(over.until(90_000).log.at(-1)).toBe("30000 leave-ended false leave-timeout");
  });
});
