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

/** Inserts an item after those of the same time. */
export function insert<T>(list: T[], item: T, tsOf: (item: T) => number): void {
  const ts = tsOf(item);
  list.splice(
    firstThat(list, (other) => tsOf(other) > ts),
    0,
    item,
  );
}
