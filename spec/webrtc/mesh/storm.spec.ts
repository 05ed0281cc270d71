// Storms: random calls of two and three peers under loss, doubling, reordering, refusals, cuts and reloads.
import { describe, expect, it } from "vitest";
import { runs } from "../../support/properties.ts";
import { storm } from "./storm.ts";

const first = Number(process.env["FC_SEED"] ?? 1);
const seeds = Array.from({ length: runs(600) }, (_, index) => first + index);

describe("A mesh of two or three, whatever happens to its messages", () => {
  it.each([2, 3])(
    "of %i: in the calm all are connected, on the same descriptions, and hear what is sent",
    (count) => {
      const problems = seeds
        .filter((seed) => seed % 2 === count % 2)
        .map((seed) => ({ seed, problems: storm(seed, count).problems }))
        .filter((outcome) => outcome.problems.length > 0);
      expect(problems).toEqual([]);
    },
    1_200_000,
  );

  it("loses messages and calls on the way, or this would be no storm", () => {
    const { lost, calls } = storm(5, 3);
    expect(lost).toBeGreaterThan(0);
    expect(calls).toBeGreaterThan(6);
  });
});
