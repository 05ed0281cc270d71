// EarlySignals: what the other side says, kept until the link listens. It listens once the relay servers are known.
import { concat, defer, from, type Observable, Subject } from "rxjs";
import type { Signal } from "../negotiation.ts";

/** The first ones stay: they are the offer, and what belongs to it. */
const mostKept = 64;

export class EarlySignals {
  /** All signals, for the one link that listens: those that came before, then the others. */
  readonly signal$: Observable<Signal>;
  readonly #later$ = new Subject<Signal>();
  #kept: readonly Signal[] = [];

  constructor() {
    const kept$ = defer(() => {
      const kept = this.#kept;
      this.#kept = [];
      return from(kept);
    });
    this.signal$ = concat(kept$, this.#later$);
  }

  get size(): number {
    return this.#kept.length;
  }

  hear(signal: Signal): void {
    if (this.#later$.observed) this.#later$.next(signal);
    else if (this.#kept.length < mostKept) this.#kept = [...this.#kept, signal];
  }
}
