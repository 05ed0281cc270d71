// Post: one request to an authorisation service, with the error type of the port. protocol.md 6.3.
import { asyncScheduler, catchError, defer, finalize, from, map, type Observable, switchMap, timeout } from "rxjs";
import { MatrixError, type MatrixErrorKind } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { retryAfterFieldMs, retryAfterHeaderMs } from "../room/server-times.ts";

/** The part of the platform's `fetch` that is needed here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const responseTimeoutMs = 10_000;
/** A token is about 1 KiB. */
const maxBodyLength = 65_536;

/** Posts JSON and emits the JSON of the response. Fails with a `MatrixError` that contains no address, body or token. */
export function post(fetch: Fetch, url: string, body: object): Observable<unknown> {
  return defer(() => {
    const ending = new AbortController();
    const init: RequestInit = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      // A redirect would carry the OpenID token to an address that was not checked.
      redirect: "manual",
      signal: ending.signal,
    };
    return from(fetch(url, init)).pipe(
      switchMap((response) => {
        if (isRedirect(response))
          throw new MatrixError("other", "the authorisation service redirects to another address");
        return from(textOf(response)).pipe(map((text) => read(response, text)));
      }),
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

/** Browsers hide the status of a redirect. */
const isRedirect = ({ type, status }: Response): boolean =>
  type === "opaqueredirect" || (status >= 300 && status < 400);

/** The text of a response. Stops reading, and fails, when it is too long. */
async function readText(body: ReadableStream<Uint8Array>): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length > maxBodyLength) {
      await reader.cancel();
      throw tooLong();
    }
  }
  return text + decoder.decode();
}

/** React Native has responses without a stream. */
function textOf(response: Response): Promise<string> {
  if (Number(response.headers.get("Content-Length")) > maxBodyLength) throw tooLong();
  return response.body ? readText(response.body) : response.text();
}

const tooLong = () => new MatrixError("other", "the response of the authorisation service is too long");

/** A response without an error code is not one of the service: a proxy has answered for it. */
function read({ status, headers }: Response, text: string): unknown {
  const body = text.length > maxBodyLength ? undefined : parse(text);
  if (status >= 200 && status < 300 && body !== undefined) return body;
  const { errcode, retry_after_ms } = objectOr(body);
  const name = isString(errcode) && /^[A-Z_.]{1,64}$/.test(errcode) ? errcode : undefined;
  const retryAfterMs =
    retryAfterHeaderMs(headers.get("Retry-After"), asyncScheduler.now()) ?? retryAfterFieldMs(retry_after_ms);
  const wait = retryAfterMs === undefined ? "" : `, and asks to wait ${retryAfterMs / 1_000} s`;
  throw new MatrixError(
    kindOf(status, name),
    `the authorisation service answered ${status} ${name ?? "without an error code"}${wait}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

function kindOf(status: number, errcode: string | undefined): MatrixErrorKind {
  if (status === 429 || errcode === "M_LIMIT_EXCEEDED") return "rate-limited";
  if (status >= 600) return "other";
  if (errcode === undefined || status >= 500) return "network";
  if (status === 404) return "not-found";
  return status === 401 || status === 403 ? "forbidden" : "other";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
