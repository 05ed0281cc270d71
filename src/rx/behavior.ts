// Behavior: a value that changes over time. Read the value, subscribe to the changes (docs/decisions.md, 1).
import { Observable } from "rxjs";

/**
 * A value that changes over time. Read it with `.value` at any moment, or subscribe to get it at once and again at each
 * change.
 *
 * It never errors. All subscribers see the same last value, even if one of them changes the value during an emission.
 * A `BehaviorSubject` has this type. Make one from a function and a stream with `behavior`.
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
  /**
   * The value now. Reading it calls the function that the Behavior was made with. For the Behaviors of a session that is
   * cheap while somebody is subscribed, and otherwise reads the whole room.
   */
  readonly value: T;
}

/**
 * Makes a Behavior from a function that reads the value and a stream that says when to read it again.
 *
 * Each subscriber reads the value itself: when it subscribes, and whenever `changes$` emits. It emits the value if that
 * differs from its last one. So streams that are combined this way never show a mixture of old and new values. The
 * Behavior subscribes to `changes$` once for each subscriber, before the first read, so that no change is missed.
 *
 * @param read Returns the value now. Called at each read of `.value` and for each subscriber at each change, so it should
 *   be cheap. It must not throw.
 * @param changes$ Emits after the value may have changed; its values are not used. The Behavior completes when it
 *   completes. An error of it is reported as an unhandled error.
 * @param isEqual When two values are the same, so that the second one is not emitted. Default `Object.is`.
 * @example
 * ```ts
 * import { Subject } from "rxjs";
 * import { behavior } from "matrixrtc-rx";
 *
 * let names = ["alice"];
 * const changes$ = new Subject<void>();
 * const count$ = behavior(() => names.length, changes$);
 *
 * const seen: number[] = [];
 * count$.subscribe((count) => seen.push(count));
 * names = ["alice", "bob"];
 * changes$.next();
 * console.assert(seen.join() === "1,2" && count$.value === 2);
 * ```
 */
export function behavior<T>(
  read: () => T,
  changes$: Observable<unknown>,
  isEqual: (a: T, b: T) => boolean = Object.is,
): Behavior<T> {
  return new ReadBehavior(read, changes$, isEqual);
}

class ReadBehavior<T> extends Observable<T> implements Behavior<T> {
  readonly #read: () => T;

  constructor(read: () => T, changes$: Observable<unknown>, isEqual: (a: T, b: T) => boolean) {
    super((subscriber) => {
      let last: { value: T } | undefined;
      const emitIfChanged = () => {
        const value = read();
        if (last && isEqual(last.value, value)) return;
        last = { value };
        subscriber.next(value);
      };
      // A late subscriber gets the last value, too, although nothing changes it any more.
      const complete = () => {
        emitIfChanged();
        subscriber.complete();
      };
      subscriber.add(changes$.subscribe({ next: emitIfChanged, complete }));
      emitIfChanged();
    });
    this.#read = read;
  }

  get value(): T {
    return this.#read();
  }
}
