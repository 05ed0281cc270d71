// Churn: 60 s of a call of 100, one leave and one join a second, in virtual time; what a side sends, and what that means.
import { mock } from "node:test";
import { range } from "./call-events.ts";

export const othersAtFirst = 99;
export const boundMs = 5000;
export const useDelayMs = 1000;
const seconds = 60;

/** User `user` joins or leaves. Nothing happens at the same instant, so that no order is left to chance. */
export interface Step {
  readonly atMs: number;
  readonly user: number;
  readonly kind: "join" | "leave";
}

export const trace: readonly Step[] = range(1, seconds + 1).flatMap((second) => [
  { atMs: second * 1000 + ((second * 137) % 400), user: second - 1, kind: "leave" },
  { atMs: second * 1000 + 500 + ((second * 211) % 400), user: othersAtFirst + second - 1, kind: "join" },
]);

/** What a side did: keys given to users, and keys that it began to encrypt with. */
export interface Log {
  readonly sent: { readonly atMs: number; readonly user: number; readonly keyIndex: number }[];
  readonly used: { readonly atMs: number; readonly keyIndex: number }[];
}

/** Something that keeps the keys of a call. It notes what it does by the time of the clock. */
export interface Keeper {
  start(): Promise<void>;
  take(step: Step): Promise<void> | void;
}

/** Runs the trace in virtual time. The log begins once all who are there at first have a key. */
export async function runChurn(keeperOf: (log: Log, nowMs: () => number) => Keeper): Promise<Log> {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.now() });
  const startTs = Date.now();
  const nowMs = () => Date.now() - startTs;
  const log: Log = { sent: [], used: [] };
  const advanceTo = async (atMs: number) => {
    while (nowMs() < atMs) {
      mock.timers.tick(1);
      await settled();
    }
  };
  const keeper = keeperOf(log, nowMs);
  await keeper.start();
  await advanceTo(500);
  for (const step of trace) {
    await advanceTo(step.atMs);
    await keeper.take(step);
    await settled();
  }
  await advanceTo((seconds + 10) * 1000);
  mock.timers.reset();
  return log;
}

/** Promises have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Messages from the beginning of the churn on. */
export const messagesIn = ({ sent }: Log): number => sent.filter(({ atMs }) => atMs >= 1000).length;

/** The longest that somebody who left could decrypt us. */
export function exposureIn({ sent, used }: Log): number {
  const leaves = trace.filter(({ kind }) => kind === "leave");
  return Math.max(
    ...leaves.map(({ atMs, user }) => {
      const held = new Set(sent.filter((key) => key.user === user).map(({ keyIndex }) => keyIndex));
      const safe = used.find((use) => use.atMs >= atMs && !held.has(use.keyIndex));
      return (safe?.atMs ?? Infinity) - atMs;
    }),
  );
}

/** The longest that somebody who joined, and stayed, lacked the key in use. */
export function joinerWaitIn({ sent, used }: Log): number {
  const joins = trace.filter(({ kind }) => kind === "join");
  return Math.max(
    ...joins.flatMap(({ atMs: joinedMs, user }) => {
      const inUse = used.filter((_, at) => (used[at + 1]?.atMs ?? Infinity) > joinedMs);
      return inUse.map(({ atMs, keyIndex }, at) => {
        const neededMs = Math.max(atMs, joinedMs);
        const untilMs = inUse[at + 1]?.atMs ?? Infinity;
        const given = sent.find((key) => key.user === user && key.keyIndex === keyIndex);
        return Math.max(0, Math.min(given?.atMs ?? Infinity, untilMs) - neededMs);
      });
    }),
  );
}

/**
 * The fewest messages that cover each leave within the bound and let no joiner wait: a new key is sent to all others at
 * most `boundMs - useDelayMs` after the first leave that it covers, and who joins before it is in use gets two keys.
 */
export function fewestMessages(): number {
  const joins = trace.filter(({ kind }) => kind === "join");
  const leaves = trace.filter(({ kind }) => kind === "leave");
  const othersAt = (atMs: number) =>
    trace.reduce((sum, step) => (step.atMs > atMs ? sum : sum + (step.kind === "join" ? 1 : -1)), othersAtFirst);
  const cost = (atMs: number) =>
    othersAt(atMs) + joins.filter((join) => join.atMs > atMs && join.atMs < atMs + useDelayMs).length;
  /** The fewest for the rotations that cover the leaves from one on, the last one first. */
  const fewest = new Map([[leaves.length, 0]]);
  for (let first = leaves.length - 1; first >= 0; first--) {
    const fromMs = leaves[first]?.atMs ?? NaN;
    const untilMs = fromMs + boundMs - useDelayMs;
    const instants = [untilMs, ...trace.map(({ atMs }) => atMs).filter((atMs) => atMs >= fromMs && atMs < untilMs)];
    const ways = instants.map((atMs) => {
      const next = leaves.findIndex((leave) => leave.atMs > atMs);
      return cost(atMs) + (fewest.get(next < 0 ? leaves.length : next) ?? Infinity);
    });
    fewest.set(first, Math.min(...ways));
  }
  return joins.length + (fewest.get(0) ?? Infinity);
}
