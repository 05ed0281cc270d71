// The virtual homeserver beside a real Synapse: the same requests have the same outcomes. `npm run conformance`.
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { realLab } from "./real-lab.ts";
import { outcomesOf, scenarios } from "./scenarios.ts";
import { virtualLab } from "./virtual-lab.ts";

const recordFile = new URL("./synapse-outcomes.json", import.meta.url);
const recorded: Record<string, readonly string[]> = {};

describe("On the virtual homeserver and on Synapse the outcomes are the same:", () => {
  it.each(scenarios)("$title", async (scenario) => {
    const onSynapse = await outcomesOf(scenario, await realLab());
    recorded[scenario.title] = onSynapse;
    expect(await outcomesOf(scenario, virtualLab())).toEqual(onSynapse);
  });

  // `npm test` compares the virtual homeserver with this record: recorded-outcomes.spec.ts.
  afterAll(async () => {
    const text = `${JSON.stringify(recorded, undefined, 2)}\n`;
    const before = await readFile(recordFile, "utf8").catch(() => "");
    const isWhole = Object.keys(recorded).length === scenarios.length;
    if (isWhole && text !== before) await writeFile(recordFile, text);
  });
});
