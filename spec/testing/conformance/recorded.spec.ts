// The virtual homeserver beside what a real Synapse did when `npm run conformance` ran last.
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { outcomesOf, scenarios } from "./scenarios.ts";
import { virtualLab } from "./virtual-lab.ts";

const text = await readFile(new URL("./synapse-outcomes.json", import.meta.url), "utf8");
const recorded = JSON.parse(text) as Record<string, readonly string[]>;

describe.concurrent("The virtual homeserver does what Synapse does:", () => {
  it.each(scenarios)("$title", async (scenario) => {
    expect(await outcomesOf(scenario, virtualLab())).toEqual(recorded[scenario.title]);
  });
});
