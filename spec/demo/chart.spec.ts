import { describe, expect, test } from "vitest";
import { chart, type ChartOptions } from "../../examples/demo/chart.ts";
import { goodCall, events } from "./call-events.ts";

const names = ["alice", "bob", "carl"];
const draw = (text: string, change: Partial<ChartOptions> = {}) => {
  const plain = { names, startTs: 0, nowTs: 20_000, width: 100, spanMs: 20_000, paint: (_: unknown, t: string) => t };
  return ["", ...chart(events(text), { ...plain, ...change }), ""].join("\n");
};

describe("The chart of the demo", () => {
  test("shows over time which members were in the call, and which key each used", () => {
    expect(draw(goodCall)).toBe(`
         0s      2s      4s      6s      8s      10s     12s     14s     16s     18s     20s
  alice  ●0━━━━━━━━━━━━━━━━━━━━━━1━━━━━━━━━━━━━━━2━━━━━━━━━━━━━━━━━━━━━━━━━━━3━━━━━━━○
  bob          ●0━━━━━━━━━━━━━━━━1━━━━━━━━━━━━━━━2━━━━━━━✕┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄○
  carl                       ●0━━━━━━━━━━━━━━○
         ● joined  0 1 2 encrypts with that key from here  ✕ killed  ┄ silent  ○ gone
`);
  });

  test("ends at the present time", () => {
    expect(draw("0 alice joined\n0 alice used 0\n1.5 bob joined", { nowTs: 2000 })).toBe(`
         0s      2s      4s      6s      8s      10s     12s     14s     16s     18s     20s
  alice  ●0━━━━━━━
  bob          ●━━
  carl
         ● joined  0 1 2 encrypts with that key from here  ✕ killed  ┄ silent  ○ gone
`);
  });

  test("fits into a narrow terminal", () => {
    expect(draw(goodCall, { width: 60 })).toBe(`
         0s        5s        10s       15s       20s
  alice  ●0━━━━━━━━━━1━━━━━━━2━━━━━━━━━━━━━3━━━○
  bob       ●0━━━━━━━1━━━━━━━2━━━✕┄┄┄┄┄┄┄○
  carl             ●0━━━━━━○
         ● joined  0 1 2 encrypts with that key from here  ✕ killed  ┄ silent  ○ gone
`);
  });

  test("puts signs of one moment side by side, and never exceeds its width", () => {
    const text = "0 alice joined\n0 alice used 9\n0 alice used 10\n0 alice killed\n99 alice gone";
    const lines = draw(text, { names: ["alice"], nowTs: 99_000, width: 40 }).split("\n");
    expect(lines[2]).toMatch(/^ {2}alice {2}●9\S+✕┄+○$/);
    expect(Math.max(...lines.slice(0, -2).map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  test("is painted in whole runs, and blanks are not painted", () => {
    const paint: ChartOptions["paint"] = (look, text) => `<${look}>${text}</>`;
    const row = draw("1 bob joined\n1 bob used 0\n2 bob killed", { names: ["bob"], nowTs: 2500, paint }).split("\n")[2];
    expect(row).toBe("  bob        <member>●</><key>0</><member>━━</><alarm>✕</><faint>┄┄</>");
  });
});
