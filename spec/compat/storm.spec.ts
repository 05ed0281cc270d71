// The facade in the storm: the pages that were written for the original, over the facade, with every fault. docs/simulation.md.
import { MatrixRTCSession } from "matrix-js-sdk/lib/matrixrtc/MatrixRTCSession.js";
import * as facade from "matrixrtc-rx/compat";
import { expect, it, vi } from "vitest";
import { draw } from "../simulate/draw.ts";
import { known } from "../simulate/known.ts";
import { run } from "../simulate/run.ts";
import type { Scenario } from "../simulate/scenario.ts";

vi.mock("matrix-js-sdk/lib/matrixrtc/MatrixRTCSession.js", () => import("matrixrtc-rx/compat"));

const hasSdkPage = ({ devices }: Scenario): boolean => devices.some(({ client }) => client === "sdk");
const ofSdk = known.filter(({ scenario }) => hasSdkPage(scenario));

it("is in the place of the original here", () => {
  expect(MatrixRTCSession).toBe(facade.MatrixRTCSession);
  expect(ofSdk.length).toBeGreaterThan(0);
});

it.each(ofSdk)("keeps all invariants in the known scenario $name", async ({ scenario }) => {
  expect((await run(scenario)).violation).toBeUndefined();
});

it("keeps all invariants in drawn scenarios", { timeout: 120_000 }, async () => {
  const seeds = Array.from({ length: 120 }, (_, index) => index + 1).filter((seed) =>
    hasSdkPage(draw(seed, { isSmall: true })),
  );
  expect(seeds.length).toBeGreaterThan(10);
  for (const seed of seeds) {
    const { violation } = await run(draw(seed, { isSmall: true }));
    expect({ seed, violation }).toEqual({ seed, violation: undefined });
  }
});
