// Schedule: asking for a delayed leave, so that there is none that nobody knows of. protocol.md 4.7.
import { Observable } from "rxjs";
import type { Matrix, OutgoingEvent } from "../matrix.ts";

/**
 * Schedules a delayed leave and emits its id: a secret. Asking cannot be taken back. So if nobody listens any more when
 * the id comes, the delayed leave is cancelled: it would end the next join under the same state key.
 */
export function schedule(matrix: Matrix, event: OutgoingEvent, delayMs: number): Observable<string> {
  return new Observable((subscriber) => {
    // Not tied to the subscriber: the answer outlives it.
    matrix.schedule(event, delayMs).subscribe({
      next: (delayId) => {
        if (subscriber.closed) matrix.updateDelayedEvent(delayId, "cancel").subscribe({ error: () => {} });
        else subscriber.next(delayId);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
  });
}
