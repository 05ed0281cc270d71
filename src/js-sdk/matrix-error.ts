// MatrixError: classifies the errors of the SDK, the server and the platform. protocol.md 4.5.
import { MatrixError, type MatrixErrorKind } from "../matrix.ts";
import { isFiniteNumber, isObject, isString, type JsonObject } from "../room/json.ts";

/** The known facts about a failed request. */
interface Failure {
  readonly name: string;
  readonly errcode: string | undefined;
  readonly status: number | undefined;
  /** The body of the server's response. */
  readonly body: JsonObject;
  readonly retryAfter: string | undefined;
}

/** Used by Synapse 1.163. Older servers use the two fields below. */
const delayTooLarge = "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE";
const unstableErrcode = "org.matrix.msc4140.errcode";
const unstableMaxDelay = "org.matrix.msc4140.max_delay";

/** Classifies a failure. The message contains no address, and `secrets` are removed from the server's words. */
export function matrixError(error: unknown, now: number, secrets: readonly string[] = []): MatrixError {
  if (error instanceof MatrixError) return error;
  const failure = failureOf(error);
  const kind = kindOf(failure, error);
  const retryAfterMs = kind === "rate-limited" ? retryAfterMsOf(failure, now) : undefined;
  const maxDelayMs = kind === "max-delay-exceeded" ? failure.body[unstableMaxDelay] : undefined;
  return new MatrixError(kind, messageOf(failure, kind, error, secrets), {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(isFiniteNumber(maxDelayMs) && { maxDelayMs }),
  });
}

/** Goes by the shape of the error, not by its class, because an app may contain two copies of the SDK. */
function failureOf(error: unknown): Failure {
  const { name, errcode, httpStatus, httpHeaders, data } = (isObject(error) ? error : {}) as JsonObject;
  return {
    name: isString(name) ? name : "",
    errcode: isString(errcode) ? errcode : undefined,
    status: isFiniteNumber(httpStatus) ? httpStatus : undefined,
    body: isObject(data) ? data : {},
    retryAfter: httpHeaders instanceof Headers ? (httpHeaders.get("Retry-After") ?? undefined) : undefined,
  };
}

function kindOf({ name, errcode, status = 0, body }: Failure, error: unknown): MatrixErrorKind {
  if (errcode === "M_LIMIT_EXCEEDED" || status === 429) return "rate-limited";
  if (errcode === delayTooLarge || body[unstableErrcode] === "M_MAX_DELAY_EXCEEDED") return "max-delay-exceeded";
  if (name === "AbortError" || name === "TimeoutError") return "timeout";
  if (name === "ConnectionError" || name === "TokenRefreshError" || name === "TypeError" || status >= 500)
    return "network";
  if (/^Unsupported(DelayedEvents|StickyEvents)EndpointError$/.test(name)) return "unsupported";
  if (errcode === "M_UNRECOGNIZED" || status === 405) return "unsupported";
  if (errcode === "M_NOT_FOUND" || status === 404) return "not-found";
  if (errcode === "M_FORBIDDEN" || status === 403) return "forbidden";
  if (status === 409) return "conflict";
  // The message of a widget host that could not reach the server.
  if (error instanceof Error && error.message.includes("updating delayed event")) return "network";
  return "other";
}

/** Prefers the header, in seconds or as a date, to the older field of the body. */
function retryAfterMsOf({ retryAfter, body }: Failure, now: number): number | undefined {
  if (retryAfter !== undefined) {
    const waitMs = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - now;
    if (Number.isFinite(waitMs)) return Math.max(0, waitMs);
  }
  const waitMs = body["retry_after_ms"];
  return isFiniteNumber(waitMs) && waitMs >= 0 ? waitMs : undefined;
}

const maxMessageLength = 300;

function messageOf(
  { errcode, status, body }: Failure,
  kind: string,
  error: unknown,
  secrets: readonly string[],
): string {
  const said = status === undefined && errcode === undefined ? localMessage(error, kind) : body["error"];
  const about = [errcode, status !== undefined && `HTTP ${status}`, said].filter(
    (part) => isString(part) && part !== "",
  );
  const message = about.length > 0 ? about.join(": ") : kind;
  return secrets.reduce((text, secret) => text.replaceAll(secret, "…"), message).slice(0, maxMessageLength);
}

/** Connection errors contain addresses, and addresses contain delay ids. */
function localMessage(error: unknown, kind: string): string {
  if (kind === "network") return "the server could not be reached";
  if (kind === "timeout") return "the server did not answer in time";
  return error instanceof Error ? error.message.replaceAll(/https?:\/\/\S+/g, "…") : "";
}
