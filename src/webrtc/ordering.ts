// Ordering: numbered messages of one sender, put back into their order, within bounds. Pure. MSC3401, "seq".

/** Messages that wait for an earlier one. */
export interface Ordering<T> {
  /** The number that is due. */
  readonly next: number;
  readonly waiting: ReadonlyMap<number, Numbered<T>>;
  /** Since when the number that is due is missing while later ones are here. */
  readonly gapSinceTs: number | undefined;
}

export interface Numbered<T> {
  /** `undefined`: its sender does not number. */
  readonly seq: number | undefined;
  readonly message: T;
  /** How much room it takes. */
  readonly bytes: number;
}

const mostWaiting = 64;
const mostWaitingBytes = 256 * 1024;
/** After this time a missing message counts as lost. */
const longestGapMs = 10_000;

export const startOrdering = <T>(): Ordering<T> => ({ next: 0, waiting: new Map(), gapSinceTs: undefined });

/** Takes a message in: what is in order now, and what still waits. A message of the past is dropped. */
export function receiveInOrder<T>(
  { next, waiting, gapSinceTs }: Ordering<T>,
  arrived: Numbered<T>,
  now: number,
): { readonly ordering: Ordering<T>; readonly ready: readonly T[] } {
  const { seq, message } = arrived;
  if (seq === undefined) return { ordering: { next, waiting, gapSinceTs }, ready: [message] };
  if (seq < next || waiting.has(seq)) return { ordering: { next, waiting, gapSinceTs }, ready: [] };
  const all = new Map(waiting).set(seq, arrived);
  const ready: T[] = [];
  let due = next;
  for (let found = all.get(due); found; found = all.get((due += 1))) {
    ready.push(found.message);
    all.delete(due);
  }
  const gap = all.size === 0 ? undefined : ready.length > 0 ? now : (gapSinceTs ?? now);
  return { ordering: { next: due, waiting: all, gapSinceTs: gap }, ready };
}

/** When what is missing counts as lost: after a while, or at once if too much waits for it. */
export function lostTs<T>({ gapSinceTs, waiting }: Ordering<T>): number {
  if (gapSinceTs === undefined) return Infinity;
  let bytes = 0;
  for (const one of waiting.values()) bytes += one.bytes;
  const isFull = waiting.size > mostWaiting || bytes > mostWaitingBytes;
  return isFull ? -Infinity : gapSinceTs + longestGapMs;
}
