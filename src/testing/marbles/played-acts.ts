// PlayedActs: what the actors of a test do and when, for its failures.
import { timeOf } from "./time-line.ts";

/** One letter of a line. */
export interface PlayedAct {
  readonly atMs: number;
  readonly name: string;
  readonly letter: string;
}

const most = 30;
const played = new WeakMap<object, readonly PlayedAct[]>();

/** Remembers the acts of a play. The helpers of its test are the key. */
export function noteActs(helpers: object, acts: readonly PlayedAct[]): void {
  played.set(helpers, [...(played.get(helpers) ?? []), ...acts]);
}

/** All acts of a test as a line, such as `0 alice j  1s bob j`, in the order of time. Empty without a play. */
export function actsOf(helpers: object): string {
  const acts = (played.get(helpers) ?? []).toSorted((a, b) => a.atMs - b.atMs);
  const cells = acts.slice(0, most).map(({ atMs, name, letter }) => `${timeOf(atMs)} ${name} ${letter}`);
  return [...cells, ...(acts.length > most ? ["…"] : [])].join("  ");
}
