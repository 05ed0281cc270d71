// Report: a violation for people: what broke, the smallest scenario, a chart of its last seconds, and a test to paste.
import { chart } from "./chart.ts";
import { run } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import type { Violation } from "./world.ts";

export async function report(
  seed: number,
  scenario: Scenario,
  violation: Violation,
  maxShrinkMs: number,
): Promise<string> {
  const shrunk = await shrink(scenario, violation, maxShrinkMs);
  const { lines } = await run(shrunk.scenario);
  const { invariant, how, atMs, device, about } = shrunk.violation;
  const who = device === undefined ? "the server" : inName(shrunk.scenario, device);
  return [
    `seed ${seed} breaks invariant ${invariant}: ${how}`,
    `at ${(atMs / 1_000).toFixed(3)} s, ${who}: ${about}`,
    "",
    `Its last seconds, after ${shrunk.tries} tries to make it smaller:`,
    chart(shrunk.scenario, lines),
    "",
    "The test:",
    testOf(seed, shrunk.scenario, how),
  ].join("\n");
}

const inName = ({ devices }: Scenario, device: number): string =>
  `${devices[device]?.user}/${devices[device]?.deviceId}`;

/** A spec that fails until the fault is mended. */
export function testOf(seed: number, scenario: Scenario, how: string): string {
  return [
    `it(${JSON.stringify(`${how} (seed ${seed})`)}, async () => {`,
    `  const scenario: Scenario = ${JSON.stringify(scenario, null, 2).replaceAll("\n", "\n  ")};`,
    "  expect((await run(scenario)).violation).toBeUndefined();",
    "});",
  ].join("\n");
}
