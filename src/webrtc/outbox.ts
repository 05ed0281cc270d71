// Outbox: messages one after the other, each tried again until it is sent. protocol.md 10.3, 10.5.
import { concatMap, defer, finalize, type Observable, retry, tap, timer } from "rxjs";

const mostRetries = 5;
const firstRetryMs = 500;
const longestRetryMs = 16_000;
/** More messages than this wait for a server only if the other side makes us answer without end. */
export const mostWaiting = 64;

/** What a failed try says about the next one. */
export interface SendFailure {
  /** Trying again is of no use. */
  readonly isFinal: boolean;
  readonly retryAfterMs?: number | undefined;
}

/**
 * Sends messages in their order: the next one when the one before is sent. Emits what `send` emits, and fails with the
 * `SendFailure` of the message that could not be sent, or with that of `tooMany` if more than 64 messages wait.
 */
export function sendInOrder<M, R>(
  send: (message: M) => Observable<R>,
  tooMany: SendFailure,
): (message$: Observable<M>) => Observable<R> {
  return (message$) =>
    defer(() => {
      let waiting = 0;
      return message$.pipe(
        tap(() => {
          waiting += 1;
          if (waiting > mostWaiting) throw tooMany;
        }),
        concatMap((message) => sendWithRetries(() => send(message)).pipe(finalize(() => (waiting -= 1)))),
      );
    });
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
