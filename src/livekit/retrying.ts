// Retrying: repeats failed requests that find a LiveKit server. protocol.md 6.2.
import { asyncScheduler, type MonoTypeOperatorFunction, retry, throwError } from "rxjs";
import { MatrixError } from "../matrix.ts";
import { at } from "../rx/at.ts";

const waitsMs = [2_000, 4_000, 8_000, 16_000];

/** Whether a repeated request could succeed. */
export function isTransient(error: unknown): error is MatrixError {
  return error instanceof MatrixError && ["rate-limited", "network", "timeout"].includes(error.kind);
}

/** Repeats a failed request after 2, 4, 8 and 16 s, or when the server says. A definite rejection fails at once. */
export function retrying<T>(): MonoTypeOperatorFunction<T> {
  return retry({
    count: waitsMs.length,
    delay: (error: unknown, attempt) =>
      isTransient(error)
        ? at(asyncScheduler.now() + (error.retryAfterMs ?? waitsMs[attempt - 1] ?? 0))
        : throwError(() => error),
  });
}
