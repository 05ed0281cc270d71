// Delay limits: the longest delay that a server allows decides which delayed leave we ask for. protocol.md 4.5.
import { describe, expect, it } from "vitest";
import { Chronicle, type Reply } from "./chronicle.ts";

const answering = (limits: Reply) =>
  new Chronicle({ reply: ({ kind }) => (kind === "capability" ? limits : undefined) });
const delays = ({ log }: Chronicle) => log.flatMap((line) => /schedule (\d+)/.exec(line)?.[1] ?? []);

describe("A delayed leave of 18 s", () => {
  it.each<[string, unknown, string[]]>([
    ["is not asked for on a server without delayed events", false, []],
    ["is not asked for on a server that allows 1999 ms", { maxDelayMs: 1_999 }, []],
    ["becomes one of 2 s on a server that allows that", { maxDelayMs: 2_000 }, ["2000"]],
    ["becomes one of 17999 ms on a server that allows that", { maxDelayMs: 17_999 }, ["17999"]],
    ["is asked for on a server that allows just that", { maxDelayMs: 18_000 }, ["18000"]],
    ["is asked for on a server that allows more", { maxDelayMs: 86_400_000 }, ["18000"]],
    ["is asked for on a server without a limit", {}, ["18000"]],
  ])("%s", (_, value, expected) => {
    const call = answering({ value }).join(60_000);
    expect(delays(call)).toEqual(expected);
    expect(call.states.at(-1)).toMatch(expected.length > 0 ? / until / : / unsupported/);
    expect(call.log.filter((line) => line.includes("unsupported"))).toEqual(
      expected.length > 0 ? [] : ["0 delayed-leave-unsupported capability"],
    );
  });

  it.each([
    [2_000, 1_333],
    [4_500, 3_000],
    [18_000, 5_000],
  ])("is restarted in time: one of %d ms after %d ms", (maxDelayMs, restartMs) => {
    const { log } = answering({ value: { maxDelayMs } }).join(9_000);
    const restarts = log.flatMap((line) => (line.includes("restart") ? [Number.parseInt(line, 10)] : []));
    expect(Math.round((restarts[1] ?? NaN) - (restarts[0] ?? NaN))).toBe(restartMs);
  });

  it("stays when the limits are answered after two seconds, when it was asked for", () => {
    const call = answering("lost").join(2_500).late("capability", { value: false }).until(6_000);
    expect(delays(call)).toEqual(["18000"]);
    expect(call.states.at(-1)).toMatch(/ until /);
    expect(call.log).toContain("2500 late-answer capability true");
  });
});
