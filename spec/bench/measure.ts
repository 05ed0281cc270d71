// Measuring: the same runs on every side, again and again and in turns, so that the machine is the same for all.

/** How much of everything to do. */
export interface Effort {
  readonly isQuick: boolean;
  /** How many turns each side has. */
  readonly turns: number;
}

/** How long a side has its turn, in which it runs at least once. */
const turnMs = 25;

type Run = () => number | Promise<number>;

/** What runs on several sides give: of each, the run that is better than nine in ten, which others disturbed least. */
export async function inTurns<Name extends string>(
  turns: number,
  sides: Readonly<Record<Name, Run>>,
  warmUpTurns: number = 3,
): Promise<Record<Name, number>> {
  const results = new Map<string, number[]>();
  for (let turn = -warmUpTurns; turn < turns; turn++) {
    for (const [name, run] of Object.entries<Run>(sides)) {
      const untilMs = performance.now() + turnMs;
      const ofTurn: number[] = [];
      do ofTurn.push(await run());
      while (performance.now() < untilMs);
      if (turn >= 0) results.set(name, [...(results.get(name) ?? []), ...ofTurn]);
    }
  }
  return Object.fromEntries([...results].map(([name, values]) => [name, goodOf(values)])) as Record<Name, number>;
}

/** The value that is lower than nine in ten. */
function goodOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)] ?? NaN;
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
