// SdkRequest: one authenticated request to the homeserver, as a cold Observable. protocol.md 4.6.
import type { MatrixClient, Method } from "matrix-js-sdk";
import { asyncScheduler, catchError, defer, finalize, from, type Observable, timeout } from "rxjs";
import { type ErrorContext, matrixError } from "./matrix-error.ts";
import { resumeSync } from "./resume-sync.ts";

export interface Request extends ErrorContext {
  readonly method: "GET" | "PUT" | "POST";
  /** Default `/_matrix/client/v3`. */
  readonly prefix?: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: object;
}

/** A server that does not answer for this long counts as gone. The SDK itself would wait forever. */
export const requestTimeoutMs = 30_000;

/** Sends the request when subscribed to and emits the response. Unsubscribing aborts it. Fails with a `MatrixError`. */
export function request(client: MatrixClient, toSend: Request): Observable<unknown> {
  const { method, prefix = v3, path, query, body } = toSend;
  return defer(() => {
    const ending = new AbortController();
    const options = { prefix, abortSignal: ending.signal };
    const answer = client.http.authedRequest<unknown>(method as Method, path, { ...query }, body, options);
    return from(answer).pipe(finalize(() => ending.abort()));
  }).pipe(portErrors(toSend), resumeSync(client));
}

/** Turns every error, and a missing response, into a `MatrixError`. */
export function portErrors<T>(context?: ErrorContext): (source: Observable<T>) => Observable<T> {
  return (source) =>
    source.pipe(
      timeout({ first: requestTimeoutMs }),
      catchError((error: unknown) => {
        throw matrixError(error, asyncScheduler.now(), context);
      }),
    );
}

const v3 = "/_matrix/client/v3";
export const unstable = "/_matrix/client/unstable";

/** Joins percent-encoded parts to a path. */
export const pathOf = (...parts: readonly string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part)}`).join("");
