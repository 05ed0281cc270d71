// Outbox: messages one after the other, each tried again until it is sent. protocol.md 10.3, 10.5.
import { concatMap, defer, type Observable, retry, timer } from "rxjs";

const mostRetries = 5;
const firstRetryMs = 500;
const longestRetryMs = 16_000;

/** What a failed try says about the next one. */
export interface SendFailure {
  /** Trying again is of no use. */
  readonly isFinal: boolean;
  readonly retryAfterMs?: number | undefined;
}

/**
 * Sends messages in their order: the next one when the one before is sent. Emits what `send` emits, and fails with the
 * `SendFailure` of the message that could not be sent.
 */
export function sendInOrder<M, R>(send: (message: M) => Observable<R>): (message$: Observable<M>) => Observable<R> {
  return concatMap((message) => sendWithRetries(() => send(message)));
}

/** Sends one message. `send` fails with a `SendFailure`. */
export function sendWithRetries<R>(send: () => Observable<R>): Observable<R> {
  return defer(send).pipe(
    retry({
      count: mostRetries,
      delay: (failure: SendFailure, attempt) => {
        if (failure.isFinal) throw failure;
        return timer(Math.max(failure.retryAfterMs ?? 0, Math.min(firstRetryMs * 2 ** (attempt - 1), longestRetryMs)));
      },
    }),
  );
}
