// KnownThenLive: occurrences that a late subscriber gets too: the known ones first, then each new one.
import { Observable } from "rxjs";

/**
 * Emits what is known at subscription, then what comes, each object once.
 *
 * A value that comes while the known ones are emitted waits for its turn.
 */
export function knownThenLive<T extends object>(known: () => Iterable<T>, live$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const emitted = new WeakSet<T>();
    const emit = (value: T) => {
      if (emitted.has(value)) return;
      emitted.add(value);
      subscriber.next(value);
    };
    let waiting: T[] | undefined = [];
    subscriber.add(live$.subscribe((value) => (waiting ? waiting.push(value) : emit(value))));
    for (const value of known()) emit(value);
    for (const value of waiting) emit(value);
    waiting = undefined;
  });
}
