// Measure: the same runs on every side, repeatedly and in turns, so that all sides meet the same load of the machine.

/** How much to measure. */
export interface Effort {
  readonly isQuick: boolean;
  /** The number of turns of each side. */
  readonly turns: number;
}

/** The time of one turn. A side runs at least once in it. */
const turnMs = 25;

type Run = () => number | Promise<number>;

/** Measures several sides. The result of a side is its first decile, the runs that other processes disturbed least. */
export async function inTurns<Name extends string>(
  turns: number,
  sides: Readonly<Record<Name, Run>>,
  warmUpTurns: number = 3,
): Promise<Record<Name, number>> {
  const results = new Map<string, number[]>();
  for (let turn = -warmUpTurns; turn < turns; turn++) {
    for (const [name, run] of Object.entries<Run>(sides)) {
      const untilMs = performance.now() + turnMs;
      const values: number[] = [];
      do values.push(await run());
      while (performance.now() < untilMs);
      if (turn >= 0) results.set(name, [...(results.get(name) ?? []), ...values]);
    }
  }
  return Object.fromEntries([...results].map(([name, all]) => [name, firstDecile(all)])) as Record<Name, number>;
}

/** A tenth of the values is lower. */
function firstDecile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)] ?? NaN;
}

/** The time that some steps take. Only asynchronous steps are awaited. */
export async function elapsedMs(steps: readonly (() => void | Promise<void>)[]): Promise<number> {
  const start = performance.now();
  for (const step of steps) {
    const done = step();
    if (done) await done;
  }
  return performance.now() - start;
}

/** Bytes in use after garbage collection. */
export async function heapInUse(): Promise<number> {
  for (let pass = 0; pass < 2; pass++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

export function collectGarbage(): void {
  if (!globalThis.gc) throw new Error("needs node --expose-gc");
  globalThis.gc();
}
