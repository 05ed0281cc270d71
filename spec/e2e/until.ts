// Until: waits for a condition, with a deadline.
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 100;

/** Polls. Resolves with the first answer that is not `undefined` or `false`, throws after the deadline. */
export async function until<T>(
  what: string | (() => string),
  ask: () => Promise<T | undefined | false>,
  deadlineMs: number,
): Promise<T> {
  const endsAt = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > endsAt)
      throw new Error(`${typeof what === "string" ? what : what()}: not within ${deadlineMs / 1_000} s`);
    await sleep(pollMs);
  }
}

/** Throws unless the condition holds. `problem` says what is wrong then. */
export function assert(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Error(problem);
}
