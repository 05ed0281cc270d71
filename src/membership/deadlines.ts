// Deadlines: which of many things ends soonest, as a binary heap. O(log N) for each change.

/** A heap of items by time. Forgotten ones stay until they come up, or until they outnumber the others. */
export class Deadlines<T extends { readonly endTs: number }> {
  #heap: { ts: number; item: T }[] = [];
  readonly #live = new Set<T>();

  get soonestTs(): number | undefined {
    this.#skipForgotten();
    return this.#heap[0]?.ts;
  }

  add(item: T): void {
    if (item.endTs === Infinity) return;
    this.#live.add(item);
    this.#heap.push({ ts: item.endTs, item });
    this.#rise(this.#heap.length - 1);
  }

  forget(item: T): void {
    this.#live.delete(item);
    if (this.#heap.length <= 2 * this.#live.size + 64) return;
    this.#heap = [];
    for (const other of this.#live) this.add(other);
  }

  /** Removes and gives the soonest item if it is due. */
  takeDue(now: number): T | undefined {
    const soonestTs = this.soonestTs;
    if (soonestTs === undefined || soonestTs > now) return undefined;
    const item = this.#take();
    if (item) this.#live.delete(item);
    return item;
  }

  #skipForgotten(): void {
    for (let top = this.#heap[0]; top && !this.#live.has(top.item); top = this.#heap[0]) this.#take();
  }

  #take(): T | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return top?.item;
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
    return this.#heap[index]?.ts ?? Infinity;
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}
