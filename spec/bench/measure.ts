// Measuring: medians of repeated runs, with the garbage of one run collected before the next.

/** How much of everything to do. */
export interface Effort {
  readonly isQuick: boolean;
  /** How often a run is repeated. */
  readonly rounds: number;
}

const warmUpRounds = 3;

/** Collects garbage; `npm run bench` exposes it. */
export const collect: () => void = globalThis.gc ?? (() => {});

/** The medians of what several runs give, the sides taking turns so that the machine is the same for all. */
export async function medians<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Record<Name, number>> {
  const results = new Map<string, number[]>();
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [name, run] of Object.entries<() => number | Promise<number>>(sides)) {
      collect();
      const result = await run();
      if (round >= 0) results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
  return Object.fromEntries([...results].map(([name, values]) => [name, median(values)])) as Record<Name, number>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** How long a piece of work takes. Only what is asynchronous is waited for. */
export async function elapsedMs(steps: readonly (() => void | Promise<void>)[]): Promise<number> {
  const start = performance.now();
  for (const step of steps) {
    const done = step();
    if (done) await done;
  }
  return performance.now() - start;
}

/** Bytes in use once garbage is collected. */
export async function heapInUse(): Promise<number> {
  for (let pass = 0; pass < 3; pass++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}
