// Retrying: repeats failed requests that find a LiveKit server. protocol.md 6.2.
import {
  defer,
  EMPTY,
  filter,
  fromEvent,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  retry,
  take,
  tap,
  throwError,
} from "rxjs";
import { MatrixError } from "../matrix.ts";
import { after } from "../rx/at.ts";
import type { LivekitBackend } from "./backend.ts";

const waitsMs: readonly number[] = [2_000, 4_000, 8_000, 16_000];
/** A server that asks for a longer wait has answered for good: nobody waits that long for a call. */
const maxWaitMs = 30_000;

/** Whether a repeated request could succeed. */
export function isTransient(error: unknown): error is MatrixError {
  return error instanceof MatrixError && ["rate-limited", "network", "timeout"].includes(error.kind);
}

/**
 * Repeats a failed request after 2, 4, 8 and 16 s, or when the server says, or as soon as the connection is back. A definite
 * rejection fails at once, and so does a server that asks for a wait of more than 30 s.
 */
export function retrying<T>(backend: Pick<LivekitBackend, "changes$"> = {}): MonoTypeOperatorFunction<T> {
  return (source$) =>
    defer(() => {
      let attempts = 0;
      const delay = (error: unknown): Observable<unknown> => {
        const waitMs = isTransient(error) && attempts < waitsMs.length ? waitAfter(error, attempts) : undefined;
        if (waitMs === undefined) return throwError(() => error);
        const timer$ = after(waitMs).pipe(tap(() => (attempts += 1)));
        const isLimited = isTransient(error) && error.kind === "rate-limited";
        return isLimited ? timer$ : merge(timer$, backInTouch(backend)).pipe(take(1));
      };
      return source$.pipe(retry({ delay }));
    });
}

function waitAfter({ retryAfterMs }: MatrixError, attempts: number): number | undefined {
  const waitMs = retryAfterMs ?? waitsMs[attempts];
  return waitMs !== undefined && waitMs <= maxWaitMs ? waitMs : undefined;
}

/** Emits when the platform or the Matrix client says that the connection is back. */
export function backInTouch({ changes$ = EMPTY }: Pick<LivekitBackend, "changes$">): Observable<unknown> {
  const online$ = typeof globalThis.addEventListener === "function" ? fromEvent(globalThis, "online") : EMPTY;
  return merge(online$, changes$.pipe(filter((batch) => batch.length === 0)));
}
