// Alarms: many absolute times, one timer.
import { asyncScheduler, map, type Observable, Subject, switchMap } from "rxjs";
import { Deadlines, type Ending } from "./timer-queue.ts";
import { at } from "./at.ts";

export class Alarms<T extends Ending> {
  readonly #deadlines = new Deadlines<T>();
  readonly #soonestTs$ = new Subject<number | undefined>();
  #soonestTs: number | undefined;

  /** Emits those that have come due, together. To be listened to once, before anything is set. */
  readonly due$: Observable<readonly T[]> = this.#soonestTs$.pipe(
    switchMap(at),
    map(() => this.#takeDue()),
  );

  set(alarm: T): void {
    this.#deadlines.add(alarm);
  }

  cancel(alarm: T): void {
    this.#deadlines.forget(alarm);
  }

  /** Waits for the soonest alarm, after some were set or cancelled; anew if the clock may have jumped. */
  wait(isAnew = false): void {
    const { soonestTs } = this.#deadlines;
    if (soonestTs === this.#soonestTs && !isAnew) return;
    this.#soonestTs = soonestTs;
    this.#soonestTs$.next(soonestTs);
  }

  #takeDue(): readonly T[] {
    const now = asyncScheduler.now();
    const due: T[] = [];
    for (let next = this.#deadlines.takeDue(now); next; next = this.#deadlines.takeDue(now)) due.push(next);
    return due;
  }
}
