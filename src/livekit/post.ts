// Post: one request to an authorisation service, with the error type of the port. protocol.md 6.3.
import { asyncScheduler, catchError, defer, finalize, from, map, type Observable, switchMap, timeout } from "rxjs";
import { MatrixError, type MatrixErrorKind } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";

/** The part of the platform's `fetch` that is needed here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const responseTimeoutMs = 10_000;

/** Posts JSON and emits the JSON of the response. Fails with a `MatrixError` that contains no address, body or token. */
export function post(fetch: Fetch, url: string, body: object): Observable<unknown> {
  return defer(() => {
    const ending = new AbortController();
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return from(fetch(url, { ...init, signal: ending.signal })).pipe(
      switchMap((response) => from(response.text()).pipe(map((text) => read(response, text)))),
      timeout({
        first: responseTimeoutMs,
        with: () => {
          throw new MatrixError("timeout", "the authorisation service did not answer in time");
        },
      }),
      catchError((error: unknown) => {
        if (error instanceof MatrixError) throw error;
        throw new MatrixError("network", "the authorisation service could not be reached");
      }),
      finalize(() => ending.abort()),
    );
  });
}

function read(response: Response, text: string): unknown {
  const body = parse(text);
  if (response.status >= 200 && response.status < 300) return body;
  const { errcode } = objectOr(body);
  const name = isString(errcode) && /^[A-Z_.]{1,64}$/.test(errcode) ? ` ${errcode}` : "";
  const retryAfterMs = afterMs(response.headers.get("Retry-After"));
  throw new MatrixError(
    kindOf(response.status),
    `the authorisation service answered ${response.status}${name}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

function kindOf(status: number): MatrixErrorKind {
  if (status === 429) return "rate-limited";
  if (status >= 500) return "network";
  if (status === 404) return "not-found";
  return status === 401 || status === 403 ? "forbidden" : "other";
}

/** `Retry-After` is a number of seconds, or a date. */
function afterMs(header: string | null): number | undefined {
  if (!header) return undefined;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - asyncScheduler.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
