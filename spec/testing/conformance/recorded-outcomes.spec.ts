// The virtual homeserver beside the outcomes that `npm run conformance` recorded on a real Synapse.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { outcomesOf, scenarios } from "./scenarios.ts";
import recorded from "./synapse-outcomes.json" with { type: "json" };
import { virtualLab } from "./virtual-lab.ts";

const outcomesOnSynapse: Readonly<Record<string, readonly string[]>> = recorded;
const stepMs = 100;

describe("The outcomes on the virtual homeserver are those that Synapse had:", () => {
  // Scenarios wait by promises, which virtual time of RxJS does not drive.
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each(scenarios)("$title", async (scenario) => {
    const playing = outcomesOf(scenario, virtualLab());
    const step = () => vi.advanceTimersByTimeAsync(stepMs).then(() => undefined);
    let outcomes = await Promise.race([playing, step()]);
    while (outcomes === undefined) outcomes = await Promise.race([playing, step()]);
    expect(outcomes).toEqual(outcomesOnSynapse[scenario.title]);
  });
});
