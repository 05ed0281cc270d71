// Deadlines: which of many things ends soonest, as a binary heap. O(log N) for each change.

/** Something that ends by itself at a time, or never: at `Infinity`. */
export interface Ending {
  readonly endTs: number;
  /** It has ended, or was forgotten. */
  isOver: boolean;
}

/** A heap by time. Forgotten ones stay until they come up, or until they outnumber the others. */
export class Deadlines<T extends Ending> {
  #heap: T[] = [];
  #forgotten = 0;

  get soonestTs(): number | undefined {
    while (this.#heap[0]?.isOver) this.#takeForgotten();
    return this.#heap[0]?.endTs;
  }

  add(item: T): void {
    if (item.endTs === Infinity) return;
    this.#heap.push(item);
    this.#rise(this.#heap.length - 1);
  }

  /** It ends no more. */
  forget(item: T): void {
    if (item.isOver) return;
    item.isOver = true;
    if (item.endTs === Infinity) return;
    this.#forgotten += 1;
    if (2 * this.#forgotten > this.#heap.length + 64) this.#cleanUp();
  }

  /** Takes the soonest item, if it is due, and ends it. */
  takeDue(now: number): T | undefined {
    const soonestTs = this.soonestTs;
    if (soonestTs === undefined || soonestTs > now) return undefined;
    const item = this.#take();
    if (item) item.isOver = true;
    return item;
  }

  #cleanUp(): void {
    const kept = this.#heap.filter(({ isOver }) => !isOver);
    this.#heap = [];
    this.#forgotten = 0;
    for (const item of kept) this.add(item);
  }

  #takeForgotten(): void {
    this.#take();
    this.#forgotten -= 1;
  }

  #take(): T | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return top;
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#ts(parent) <= this.#ts(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (this.#ts(child) < this.#ts(least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #ts(index: number): number {
    return this.#heap[index]?.endTs ?? Infinity;
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}
