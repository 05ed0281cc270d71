// Sorted: lists in the order of time, searched and filled in few steps.

/** The index of the first item for which something holds, which holds for all after it. The length of the list if there is none. */
export function firstThat<T>(list: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Inserts an item into a list that is in an order. */
export function insert<T>(list: T[], item: T, order: (a: T, b: T) => number): void {
  const index = firstThat(list, (other) => order(other, item) > 0);
  list.splice(index, 0, item);
}

/** An event, as far as its place in the order of events needs it. */
interface Timed {
  readonly ts: number;
  readonly eventId: string;
}

/** The order of events: by time, then by event id, so that it does not depend on who reads them when. protocol.md 9.3. */
export const byTime = (a: Timed, b: Timed): number => a.ts - b.ts || (a.eventId < b.eventId ? -1 : 1);
