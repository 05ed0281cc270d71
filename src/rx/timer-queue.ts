// TimerQueue: many deadlines and one timer. The deadlines are a binary heap: O(log N) for each change.
import { asyncScheduler, map, type Observable, Subject, switchMap } from "rxjs";
import { at } from "./at.ts";

/** Something with a deadline, an absolute time in milliseconds. `Infinity`: it never ends. */
export interface Timed {
  readonly endTs: number;
  /** Its index in the heap, which sets it; -1 while it is in none. */
  heapIndex: number;
}

/** Items ordered by their deadlines. An item is in one heap at a time. */
export class DeadlineHeap<T extends Timed> {
  readonly #heap: T[] = [];

  /** The earliest deadline. */
  get soonestTs(): number | undefined {
    return this.#heap[0]?.endTs;
  }

  /** Adds an item. An item that never ends is left out. */
  add(item: T): void {
    if (item.endTs === Infinity) return;
    this.#put(item, this.#heap.length);
    this.#rise(item);
  }

  /** Removes an item, if it is here. */
  delete(item: T): void {
    if (item.heapIndex < 0) return;
    const last = this.#heap.pop()!;
    if (last !== item) {
      this.#put(last, item.heapIndex);
      this.#rise(last);
      this.#sink(last);
    }
    item.heapIndex = -1;
  }

  /** Removes and returns the item with the earliest deadline, if that has passed by `now`. */
  popDue(now: number): T | undefined {
    const soonest = this.#heap[0];
    if (!soonest || soonest.endTs > now) return undefined;
    this.delete(soonest);
    return soonest;
  }

  #rise(item: T): void {
    while (item.heapIndex > 0) {
      const parent = this.#heap[(item.heapIndex - 1) >> 1]!;
      if (parent.endTs <= item.endTs) return;
      this.#swap(parent, item);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const [left, right] = [this.#heap[2 * item.heapIndex + 1], this.#heap[2 * item.heapIndex + 2]];
      const child = right && left && right.endTs < left.endTs ? right : left;
      if (!child || item.endTs <= child.endTs) return;
      this.#swap(item, child);
    }
  }

  #swap(parent: T, child: T): void {
    const { heapIndex } = parent;
    this.#put(parent, child.heapIndex);
    this.#put(child, heapIndex);
  }

  #put(item: T, heapIndex: number): void {
    this.#heap[heapIndex] = item;
    item.heapIndex = heapIndex;
  }
}

/** A timer that was set less than this ago is trusted: what a shorter sleep delays is delayed by less. */
const freshMs = 1_000;

/** Deadlines that are waited for with one timer, whatever their number. */
export class TimerQueue<T extends Timed> {
  readonly #heap = new DeadlineHeap<T>();
  readonly #waitTs$ = new Subject<number | undefined>();
  #waitTs: number | undefined;
  /** When the timer was set. */
  #setTs = 0;

  /** Emits the items whose deadlines have passed, together. Subscribe to it once, before the first item is added. */
  readonly due$: Observable<readonly T[]> = this.#waitTs$.pipe(
    switchMap(at),
    map(() => this.#popDue()),
  );

  add(item: T): void {
    this.#heap.add(item);
  }

  delete(item: T): void {
    this.#heap.delete(item);
  }

  /**
   * Sets the timer for the earliest deadline. Call it whenever something happens. A timer that was set a while ago is set again:
   * if the machine has slept since then, the timer fires later by the length of the sleep.
   */
  wait(): void {
    const { soonestTs } = this.#heap;
    const isOld = soonestTs !== undefined && Math.abs(asyncScheduler.now() - this.#setTs) > freshMs;
    if (isOld || soonestTs !== this.#waitTs) this.rewait();
  }

  /** Sets the timer again. Call it when the clock may have jumped. */
  rewait(): void {
    this.#setTs = asyncScheduler.now();
    this.#waitTs = this.#heap.soonestTs;
    this.#waitTs$.next(this.#waitTs);
  }

  #popDue(): readonly T[] {
    const now = asyncScheduler.now();
    const due: T[] = [];
    for (let next = this.#heap.popDue(now); next; next = this.#heap.popDue(now)) due.push(next);
    return due;
  }
}
