// Deadlines: which of many things ends soonest, as a binary heap. O(log N) for each change.

/** Something that ends by itself at a time, or never: at `Infinity`. */
export interface Ending {
  readonly endTs: number;
  /** It has ended, or was forgotten. */
  isOver: boolean;
  /** Where it is in the heap, which looks after this. */
  index: number;
}

export class Deadlines<T extends Ending> {
  readonly #heap: T[] = [];

  get soonestTs(): number | undefined {
    return this.#heap[0]?.endTs;
  }

  add(item: T): void {
    if (item.endTs === Infinity) return;
    this.#put(item, this.#heap.length);
    this.#rise(item);
  }

  /** It ends no more. */
  forget(item: T): void {
    if (item.isOver) return;
    item.isOver = true;
    if (item.endTs !== Infinity) this.#remove(item);
  }

  /** Takes the soonest item, if it is due, and ends it. */
  takeDue(now: number): T | undefined {
    const soonest = this.#heap[0];
    if (!soonest || soonest.endTs > now) return undefined;
    this.forget(soonest);
    return soonest;
  }

  #remove(item: T): void {
    const last = this.#heap.pop();
    if (!last || last === item) return;
    this.#put(last, item.index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: T): void {
    while (item.index > 0) {
      const parent = this.#heap[(item.index - 1) >> 1]!;
      if (parent.endTs <= item.endTs) return;
      this.#swap(parent, item);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const [left, right] = [this.#heap[2 * item.index + 1], this.#heap[2 * item.index + 2]];
      const child = right && left && right.endTs < left.endTs ? right : left;
      if (!child || item.endTs <= child.endTs) return;
      this.#swap(item, child);
    }
  }

  /** A parent and its child change places. */
  #swap(parent: T, child: T): void {
    const { index } = parent;
    this.#put(parent, child.index);
    this.#put(child, index);
  }

  #put(item: T, index: number): void {
    this.#heap[index] = item;
    item.index = index;
  }
}
