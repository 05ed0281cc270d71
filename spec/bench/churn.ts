// Churn: 60 s of a call of 100 with one leave and one join per second, in virtual time, and figures of what a side sends.
import { mock } from "node:test";
import { range } from "./call-events.ts";

export const othersAtFirst = 99;
export const boundMs = 5000;
export const useDelayMs = 1000;
const seconds = 60;

/** User `user` joins or leaves. No two steps have the same instant, so the order is always the same. */
export interface Step {
  readonly atMs: number;
  readonly user: number;
  readonly kind: "join" | "leave";
}

export const trace: readonly Step[] = range(1, seconds + 1).flatMap((second) => [
  { atMs: second * 1000 + ((second * 137) % 400), user: second - 1, kind: "leave" },
  { atMs: second * 1000 + 500 + ((second * 211) % 400), user: othersAtFirst + second - 1, kind: "join" },
]);

/** The keys that a side sent to users, and the keys that it began to encrypt with. */
export interface Log {
  readonly sent: { readonly atMs: number; readonly user: number; readonly keyIndex: number }[];
  readonly used: { readonly atMs: number; readonly keyIndex: number }[];
}

/** A side that manages the keys of a call. It logs with the time of the clock. */
export interface KeyManager {
  start(): Promise<void>;
  apply(step: Step): Promise<void> | void;
}

/** Runs the trace in virtual time. The log starts once all first members have a key. */
export async function runChurn(managerOf: (log: Log, nowMs: () => number) => KeyManager): Promise<Log> {
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
  const manager = managerOf(log, nowMs);
  await manager.start();
  await advanceTo(500);
  for (const step of trace) {
    await advanceTo(step.atMs);
    await manager.apply(step);
    await settled();
  }
  await advanceTo((seconds + 10) * 1000);
  mock.timers.reset();
  return log;
}

/** Resolves when pending promises have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** The number of messages since the start of the churn. */
export const messagesIn = ({ sent }: Log): number => sent.filter(({ atMs }) => atMs >= 1000).length;

/** The longest time in which a leaver could still decrypt us. */
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

/** The longest time in which a joiner that stayed lacked the key in use. */
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
 * The fewest messages with which each leaver is excluded within the bound and no joiner waits. A new key is sent to all
 * others at most `boundMs - useDelayMs` after the first leave that it covers. A joiner before its use gets two keys.
 */
export function fewestMessages(): number {
  const joins = trace.filter(({ kind }) => kind === "join");
  const leaves = trace.filter(({ kind }) => kind === "leave");
  const othersAt = (atMs: number) =>
    trace.reduce((sum, step) => (step.atMs > atMs ? sum : sum + (step.kind === "join" ? 1 : -1)), othersAtFirst);
  const cost = (atMs: number) =>
    othersAt(atMs) + joins.filter((join) => join.atMs > atMs && join.atMs < atMs + useDelayMs).length;
  /** The fewest messages for the rotations that cover the leaves from an index on, computed from the last leave. */
  const fewest = new Map([[leaves.length, 0]]);
  for (let first = leaves.length - 1; first >= 0; first--) {
    const fromMs = leaves[first]?.atMs ?? NaN;
    const untilMs = fromMs + boundMs - useDelayMs;
    const instants = [untilMs, ...trace.map(({ atMs }) => atMs).filter((atMs) => atMs >= fromMs && atMs < untilMs)];
    const costs = instants.map((atMs) => {
      const next = leaves.findIndex((leave) => leave.atMs > atMs);
      return cost(atMs) + (fewest.get(next < 0 ? leaves.length : next) ?? Infinity);
    });
    fewest.set(first, Math.min(...costs));
  }
  return joins.length + (fewest.get(0) ?? Infinity);
}
