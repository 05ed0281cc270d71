import { expect, test, vi } from "vitest";
import { fuzz } from "./fuzz.ts";
import { mutated } from "./mutate.ts";
import { Random } from "./random.ts";

// The SDK logs malformed events.
for (const level of ["trace", "debug", "info", "warn", "error", "log"] as const)
  vi.spyOn(console, level).mockImplementation(() => {});

test("no decoder throws on 5,000 mutated events, as a sample of npm run fuzz", () => {
  const { faults, counts } = fuzz({ seed: 1, events: 5_000, maxMs: Infinity });
  expect(faults).toEqual([]);
  expect(Math.min(...counts.values())).toBeGreaterThan(200);
});

test("the same seed gives the same mutations", () => {
  const base = { a: [1, { b: "c" }], d: { e: null } };
  const some = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => JSON.stringify(mutated(base, random)) ?? "undefined");
  };
  expect(some(7)).toEqual(some(7));
  expect(some(7)).not.toEqual(some(8));
  expect(new Set(some(7)).size).toBeGreaterThan(25);
});

test("a mutation does not change its base, and can add a field that is called __proto__", () => {
  const base = Object.freeze({ a: Object.freeze({ b: 1 }) });
  const random = new Random(3);
  const all = Array.from({ length: 500 }, () => mutated(base, random));
  expect(base).toEqual({ a: { b: 1 } });
  expect(all.some((json) => JSON.stringify(json)?.includes("__proto__"))).toBe(true);
  expect("polluted" in {}).toBe(false);
});
