// Behavior: a value that changes over time. Pull the value, push the news (design note 1 in docs/decisions.md).
import { Observable } from "rxjs";

/**
 * A value over time: read it with `.value` at any moment, or subscribe to get it now and at every change.
 *
 * It never errors, and every subscriber ends on the same last value, even when one of them
 * changes the value while it is being told. A `BehaviorSubject` satisfies it.
 *
 * @example
 * ```ts
 * import { BehaviorSubject } from "rxjs";
 * import type { Behavior } from "matrixrtc-rx";
 *
 * const intent$: Behavior<string> = new BehaviorSubject("video");
 * console.assert(intent$.value === "video");
 * ```
 */
export interface Behavior<T> extends Observable<T> {
  readonly value: T;
}

/**
 * Makes a Behavior from a way to read the value and a stream that says when to read again.
 *
 * What `changes$` carries does not matter: each subscriber reads for itself and is told only when its value differs.
 * Subscribing to `changes$` comes before the first read, so nothing is missed in between.
 */
export function behavior<T>(
  read: () => T,
  changes$: Observable<unknown>,
  isEqual: (a: T, b: T) => boolean = Object.is,
): Behavior<T> {
  return new Reading(read, changes$, isEqual);
}

class Reading<T> extends Observable<T> implements Behavior<T> {
  readonly #read: () => T;

  constructor(read: () => T, changes$: Observable<unknown>, isEqual: (a: T, b: T) => boolean) {
    super((subscriber) => {
      let last: { value: T } | undefined;
      const look = () => {
        const value = read();
        if (last && isEqual(last.value, value)) return;
        last = { value };
        subscriber.next(value);
      };
      subscriber.add(changes$.subscribe({ next: look, complete: () => subscriber.complete() }));
      look();
    });
    this.#read = read;
  }

  get value(): T {
    return this.#read();
  }
}
