// LatestByKey: a stream that replays the last value of each key to late subscribers, in the order of arrival.
import { Observable, Subject } from "rxjs";

export class LatestByKey<T> {
  readonly #keyOf: (value: T) => string;
  readonly #latest = new Map<string, T>();
  readonly #live$ = new Subject<T>();

  /** The values that are kept, then each new one. Never completes. */
  readonly values$: Observable<T> = new Observable((subscriber) => {
    // Not over a copy: a value that arrives during this loop is put last in the map, so the loop reaches it too.
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
