// The storm in the gate: the known scenarios, and 200 seeds. `npm run simulate` runs as many as wanted.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { breakages } from "./breakages.ts";
import { draw } from "./draw.ts";
import { known } from "./known.ts";
import { run } from "./run.ts";
import { shrink } from "./shrink.ts";
import type { Scenario } from "./scenario.ts";

const seeds = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("A simulated call", () => {
  it.each(known)("keeps all invariants in the known scenario $name: $about", async ({ scenario }) => {
    expect((await run(scenario)).violation).toBeUndefined();
  });

  it.each([1, 51, 101, 151])("keeps all invariants for 50 seeds from %d on", { timeout: 120_000 }, async (from) => {
    for (const seed of seeds(from, from + 49)) {
      const { violation } = await run(draw(seed, { isSmall: true }));
      expect({ seed, violation }).toEqual({ seed, violation: undefined });
    }
  });

  it("gives the same log when its seed runs again", async () => {
    for (const seed of seeds(1, 8)) {
      const scenario = draw(seed, { isSmall: true });
      const [first, second] = [await run(scenario), await run(scenario)];
      expect({ seed, hash: second.logHash }).toEqual({ seed, hash: first.logHash });
      expect(first.lines.length).toBeGreaterThan(10);
    }
  });

  it("leaves the clock, the random numbers and the timers of the platform as they were", async () => {
    const before = [Date.now, Math.random, globalThis.setTimeout, globalThis.crypto.getRandomValues];
    await run(draw(1, { isSmall: true }));
    expect([Date.now, Math.random, globalThis.setTimeout, globalThis.crypto.getRandomValues]).toEqual(before);
  });
});

describe("A violation", () => {
  const scenario: Scenario = {
    seed: 7,
    server: { latencyMs: 100, syncMs: 20, delayedEvents: true, encrypted: true },
    devices: ["alice", "bob", "carl"].map((user) => ({
      user,
      deviceId: "PHONE",
      client: "ours" as const,
      mode: "compatibility" as const,
      timing: { networkRetryMs: 5_000 },
    })),
    steps: [
      { atMs: 1_000, device: 0, act: "join" },
      { atMs: 1_500, device: 1, act: "join" },
      { atMs: 2_000, device: 2, act: "join" },
      { atMs: 9_000, device: 1, act: "intent" },
      { atMs: 20_000, device: 0, act: "forget-members" },
    ],
    faults: [
      { kind: "refused", error: "forbidden", fromMs: 15_000, toMs: 40_000, devices: [2], requests: ["send"] },
      { kind: "sync-late", ms: 50, fromMs: 3_000, toMs: 9_000 },
    ],
    calmMs: 60_000,
  };

  it("becomes smaller by devices, steps and faults, and stays the same violation", async () => {
    const broken = { ...scenario, steps: [...scenario.steps, { atMs: 30_000, device: 2, act: "break" as const }] };
    const { violation } = await run(broken);
    expect(violation).toMatchObject({ invariant: 8, how: "broken on purpose", atMs: 30_000 });
    const small = await shrink(broken, violation!, 20_000);
    expect(small.violation).toMatchObject({ invariant: 8, how: "broken on purpose" });
    const { devices, steps, faults } = small.scenario;
    expect([devices.length, steps.length, faults.length]).toEqual([1, 1, 0]);
  });
});

describe("A breakage of the library", () => {
  it.each(breakages)("still fits the sources: $name", ({ file, text, becomes }) => {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
    expect(source.split(text)).toHaveLength(2);
    expect(becomes).not.toBe(text);
  });
});
