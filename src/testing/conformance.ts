// Conformance: a test suite for ports, for any test framework. docs/port.md.
import { aroundPromises } from "./conformance-around.ts";
import { changePromises } from "./conformance-changes.ts";
import type { PortPromise } from "./conformance-checks.ts";
import { delayedEventPromises } from "./conformance-delayed-events.ts";
import { readingPromises } from "./conformance-reading.ts";
import { sendingPromises } from "./conformance-sending.ts";
import { toDevicePromises } from "./conformance-to-device.ts";
import type { ConformanceWorld, ConformanceWorldOptions } from "./conformance-world.ts";

/** One promise of the port, as a test. */
export interface ConformanceCase {
  /** The promise, as a sentence. */
  readonly title: string;
  /** Makes a world and checks the promise in it. Rejects with an `Error` that says what was expected and what was found. */
  readonly run: () => Promise<void>;
}

const promises: readonly PortPromise[] = [
  ...readingPromises,
  ...changePromises,
  ...sendingPromises,
  ...delayedEventPromises,
  ...toDevicePromises,
  ...aroundPromises,
];

/**
 * The promises of a `Matrix` port as tests, for the author of a port. Each test makes a world of its own: a client with
 * its port, and a server in memory. The tests use real time and wait at most some seconds. `docs/port.md` shows a world.
 *
 * @param makeWorld Makes a world for one test.
 * @example
 * ```ts
 * import { type ConformanceWorldOptions, portConformance } from "matrixrtc-rx/testing";
 *
 * const makeWorld = async (_: ConformanceWorldOptions) => Promise.reject(new Error("a world of your own"));
 * const cases = portConformance(makeWorld);
 * // with vitest or jest: it.each(cases)("$title", ({ run }) => run());
 * // with node:test: for (const { title, run } of cases) test(title, run);
 * console.assert(cases.length > 40);
 * ```
 */
export function portConformance(
  makeWorld: (options: ConformanceWorldOptions) => Promise<ConformanceWorld>,
): readonly ConformanceCase[] {
  return promises.map(({ title, needs, check }) => ({
    title,
    run: async () => {
      const world = await makeWorld({ encryption: false, delayedEvents: true, ...needs });
      try {
        await check(world);
      } finally {
        await world.end();
      }
    },
  }));
}
