// LatestByKey: occurrences that late subscribers get too, the last one for each key, in the order in which they came.
import { Observable, Subject } from "rxjs";

export class LatestByKey<T> {
  readonly #keyOf: (value: T) => string;
  readonly #latest = new Map<string, T>();
  readonly #live$ = new Subject<T>();

  /** What is kept, first, then what comes. Never completes. */
  readonly values$: Observable<T> = new Observable((subscriber) => {
    // Not over a copy: what comes meanwhile is put last, and so is met as well.
    for (const value of this.#latest.values()) subscriber.next(value);
    subscriber.add(this.#live$.subscribe(subscriber));
  });

  constructor(keyOf: (value: T) => string) {
    this.#keyOf = keyOf;
  }

  next(value: T): void {
    const key = this.#keyOf(value);
    this.#latest.delete(key);
    this.#latest.set(key, value);
    this.#live$.next(value);
  }

  /** Forgets the values for which `isKept` is false. */
  keep(isKept: (value: T) => boolean): void {
    for (const [key, value] of this.#latest) if (!isKept(value)) this.#latest.delete(key);
  }
}
