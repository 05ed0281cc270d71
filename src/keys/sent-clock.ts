// SentClock: the times that our key messages carry. Receivers order our keys by them. protocol.md 5.2, pitfall 24.
import { asyncScheduler } from "rxjs";
import { perClient } from "../room/per-client.ts";

export class SentClock {
  #lastTs = -Infinity;

  /** The time by the wall clock. If that was set back, a little later than the last time: a newer key must not look older. */
  next(): number {
    const now = asyncScheduler.now();
    this.#lastTs = now >= this.#lastTs ? now : this.#lastTs + 1;
    return this.#lastTs;
  }
}

/** The clock of a session: the same for all its joins. */
export const sentClockOf: (context: object) => SentClock = perClient(() => new SentClock());
