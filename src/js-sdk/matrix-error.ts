// MatrixError: classifies the errors of the SDK, the server, a proxy and the platform. protocol.md 4.5.
import { MatrixError, type MatrixErrorKind } from "../matrix.ts";
import { isFiniteNumber, isObject, isString, type JsonObject } from "../room/json.ts";
import { maxDelayFieldMs, retryAfterFieldMs, retryAfterHeaderMs } from "../room/server-times.ts";

/** What a request says about its errors. */
export interface ErrorContext {
  /** Parts of the address or body that must not appear in an error message. */
  readonly secrets?: readonly string[];
  /** Whether a 404 without a Matrix error code says that the endpoint or the thing does not exist. */
  readonly mayBeMissing?: boolean;
}

/** The known facts about a failed request. */
interface Failure {
  readonly name: string;
  readonly errcode: string | undefined;
  readonly status: number | undefined;
  /** The body of the server's response. */
  readonly body: JsonObject;
  readonly retryAfter: string | null;
}

/** Synapse 1.163 has errcodes of its own for delayed events. Older servers put one into the body, beside `M_UNKNOWN`. */
const unstableErrcode = "org.matrix.msc4140.errcode";
const unstableMaxDelay = "org.matrix.msc4140.max_delay";

const kindByErrcode: Readonly<Record<string, MatrixErrorKind>> = {
  M_LIMIT_EXCEEDED: "rate-limited",
  "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE": "max-delay-exceeded",
  M_MAX_DELAY_EXCEEDED: "max-delay-exceeded",
  M_MAX_DELAY_UNSUPPORTED: "unsupported",
  M_UNRECOGNIZED: "unsupported",
  M_NOT_FOUND: "not-found",
  M_FORBIDDEN: "forbidden",
  M_TOO_LARGE: "too-large",
  M_UNKNOWN_TOKEN: "logged-out",
  M_MISSING_TOKEN: "logged-out",
  M_USER_DEACTIVATED: "logged-out",
  M_USER_LOCKED: "soft-logged-out",
};

const kindByStatus: Readonly<Record<number, MatrixErrorKind>> = {
  403: "forbidden",
  404: "not-found",
  405: "unsupported",
  409: "conflict",
};

/** Errors of the SDK and of the platform, by their name. A `SyntaxError` is a page where JSON was expected. */
const kindByName: Readonly<Record<string, MatrixErrorKind>> = {
  AbortError: "timeout",
  TimeoutError: "timeout",
  ConnectionError: "network",
  TokenRefreshError: "network",
  TokenRefreshLogoutError: "logged-out",
  TypeError: "network",
  SyntaxError: "network",
  UnsupportedDelayedEventsEndpointError: "unsupported",
  UnsupportedStickyEventsEndpointError: "unsupported",
};

/** Classifies a failure. Its message contains no address, and the secrets of the request are removed from it. */
export function matrixError(error: unknown, now: number, context: ErrorContext = {}): MatrixError {
  if (error instanceof MatrixError) return error;
  const failure = failureOf(error);
  const kind = kindOf(failure, error, context.mayBeMissing === true);
  const { retryAfter, body } = failure;
  const retryAfterMs =
    kind === "rate-limited"
      ? (retryAfterHeaderMs(retryAfter, now) ?? retryAfterFieldMs(body["retry_after_ms"]))
      : undefined;
  const maxDelayMs = kind === "max-delay-exceeded" ? maxDelayFieldMs(body[unstableMaxDelay]) : undefined;
  return new MatrixError(kind, messageOf(failure, kind, error, context.secrets ?? []), {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(maxDelayMs !== undefined && { maxDelayMs }),
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
    retryAfter: httpHeaders instanceof Headers ? httpHeaders.get("Retry-After") : null,
  };
}

function kindOf({ name, errcode, status, body }: Failure, error: unknown, mayBeMissing: boolean): MatrixErrorKind {
  if (status === undefined) return localKindOf(name, error);
  if (status === 429) return "rate-limited";
  if (status === 413) return "too-large";
  if (status >= 600) return "other";
  // Only a Matrix server knows Matrix error codes. Without one, a proxy has answered for a server that is out of reach.
  if (errcode === undefined) return status === 404 && mayBeMissing ? "not-found" : "network";
  const kind = Object.hasOwn(kindByErrcode, errcode) ? kindByErrcode[errcode] : delayedEventKindOf(body);
  if (kind === "logged-out" && body["soft_logout"] === true) return "soft-logged-out";
  return kind ?? (status >= 500 ? "network" : (kindByStatus[status] ?? "other"));
}

function delayedEventKindOf(body: JsonObject): MatrixErrorKind | undefined {
  const errcode = body[unstableErrcode];
  return isString(errcode) && Object.hasOwn(kindByErrcode, errcode) ? kindByErrcode[errcode] : undefined;
}

function localKindOf(name: string, error: unknown): MatrixErrorKind {
  if (Object.hasOwn(kindByName, name)) return kindByName[name]!;
  // The message of a widget host that could not reach the server.
  if (error instanceof Error && error.message.includes("updating delayed event")) return "network";
  return "other";
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
