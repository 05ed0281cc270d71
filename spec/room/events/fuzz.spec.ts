import { expect, it } from "vitest";
import { decodeMutated } from "./mutations.ts";

it("The decoders throw at none of 20,000 mutated events, of which they read some and refuse some", () => {
  const { decoded, malformed, thrown } = decodeMutated(20_000, 20_261_127);
  expect(thrown).toEqual([]);
  expect(Math.min(decoded, malformed)).toBeGreaterThan(2_000);
});
