// Request: one authenticated request to the homeserver, as a cold Observable. protocol.md 4.6.
import type { MatrixClient, Method } from "matrix-js-sdk";
import { asyncScheduler, catchError, defer, finalize, from, type Observable, timeout } from "rxjs";
import { matrixError } from "./matrix-error.ts";

export interface Request {
  readonly method: "GET" | "PUT" | "POST";
  /** What comes before the path; `/_matrix/client/v3` unless given. */
  readonly prefix?: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: object;
  /** Parts of the address or body that no message may repeat. */
  readonly secrets?: readonly string[];
}

/** A server that keeps silent for so long is as good as gone; the SDK itself would wait for ever. */
export const patienceMs = 30_000;

/** Sends when subscribed to, emits the answer; unsubscribing aborts. Fails with a `MatrixError`. */
export function request(
  client: MatrixClient,
  { method, prefix = v3, path, query, body, secrets }: Request,
): Observable<unknown> {
  return defer(() => {
    const ending = new AbortController();
    const options = { prefix, abortSignal: ending.signal };
    const answer = client.http.authedRequest<unknown>(method as Method, path, { ...query }, body, options);
    return from(answer).pipe(finalize(() => ending.abort()));
  }).pipe(portErrors(secrets));
}

/** Whatever goes wrong, and a silence that is too long, become a `MatrixError`. */
export function portErrors<T>(secrets?: readonly string[]): (source: Observable<T>) => Observable<T> {
  return (source) =>
    source.pipe(
      timeout({ first: patienceMs }),
      catchError((error: unknown) => {
        throw matrixError(error, asyncScheduler.now(), secrets);
      }),
    );
}

const v3 = "/_matrix/client/v3";
export const unstable = "/_matrix/client/unstable";

/** A path of encoded parts. */
export const pathOf = (...parts: readonly string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part)}`).join("");
