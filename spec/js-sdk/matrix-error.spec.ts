import {
  ConnectionError,
  HTTPError,
  MatrixError as SdkError,
  TokenRefreshError,
  TokenRefreshLogoutError,
} from "matrix-js-sdk";
import {
  UnsupportedDelayedEventsEndpointError,
  UnsupportedStickyEventsEndpointError,
} from "matrix-js-sdk/lib/errors.js";
import { TimeoutError } from "rxjs";
import { expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { matrixError } from "../../src/js-sdk/matrix-error.ts";

const now = Date.UTC(2026, 10, 21, 12, 0, 0);

const refused = (status: number, errcode?: string, more: object = {}, headers: Record<string, string> = {}) =>
  new SdkError(
    { ...(errcode && { errcode }), error: "said the server", ...more },
    status,
    "https://server.example/_matrix/delayed_events/syd_secret/restart",
    undefined,
    new Headers(headers),
  );

test.for([
  ["M_LIMIT_EXCEEDED", refused(429, "M_LIMIT_EXCEEDED"), "rate-limited"],
  ["a 429 without a code", refused(429), "rate-limited"],
  ["a 429 of M_UNKNOWN", refused(429, "M_UNKNOWN"), "rate-limited"],
  ["a 429 of a proxy", new HTTPError("Server returned 429 error", 429), "rate-limited"],
  ["M_LIMIT_EXCEEDED with another status", refused(400, "M_LIMIT_EXCEEDED"), "rate-limited"],
  ["an unreachable server", new ConnectionError("fetch failed"), "network"],
  ["a platform that cannot fetch", new TypeError("Failed to fetch"), "network"],
  ["a 500", refused(500, "M_UNKNOWN"), "network"],
  ["a 502 of a proxy", new HTTPError("Server returned 502 error: <html>", 502), "network"],
  ["a token that could not be refreshed", new TokenRefreshError(), "network"],
  ["a widget host that is offline", new Error("Failed updating delayed event"), "network"],
  ["an aborted request", new DOMException("aborted", "AbortError"), "timeout"],
  ["a missing response", new TimeoutError(), "timeout"],
  ["M_NOT_FOUND", refused(404, "M_NOT_FOUND"), "not-found"],
  ["a 404 of a proxy", new HTTPError("Server returned 404 error", 404), "network"],
  ["a 404 in JSON without a code", refused(404), "network"],
  ["a 403 of a proxy", new HTTPError("Server returned 403 error", 403), "network"],
  ["a 403 in JSON without a code", refused(403), "network"],
  ["a 401 of a proxy", new HTTPError("Server returned 401 error", 401), "network"],
  ["a 400 of a proxy", new HTTPError("Server returned 400 error", 400), "network"],
  ["a 405 of a proxy", new HTTPError("Server returned 405 error", 405), "network"],
  ["a 409 of a proxy", new HTTPError("Server returned 409 error", 409), "network"],
  ["a 302 of a proxy", new HTTPError("Server returned 302 error", 302), "network"],
  ["a page with the status 200", new SyntaxError("Unexpected token '<'"), "network"],
  ["a status above 599", refused(600, "M_UNKNOWN"), "other"],
  ["a status above 599 without a code", new HTTPError("Server returned 600 error", 600), "other"],
  ["M_FORBIDDEN", refused(403, "M_FORBIDDEN"), "forbidden"],
  ["a 403 of another code", refused(403, "M_GUEST_ACCESS_FORBIDDEN"), "forbidden"],
  ["a 409", refused(409, "M_UNKNOWN"), "conflict"],
  ["an endpoint that the server does not know", refused(404, "M_UNRECOGNIZED"), "unsupported"],
  ["a method that the server does not know", refused(405, "M_UNRECOGNIZED"), "unsupported"],
  [
    "delayed events that the server lacks",
    new UnsupportedDelayedEventsEndpointError("no", "sendDelayedEvent"),
    "unsupported",
  ],
  [
    "sticky events that the server lacks",
    new UnsupportedStickyEventsEndpointError("no", "sendStickyEvent"),
    "unsupported",
  ],
  ["a delay that is too long for Synapse", refused(400, "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE"), "max-delay-exceeded"],
  ["an unknown token", refused(401, "M_UNKNOWN_TOKEN"), "logged-out"],
  ["an unknown token, without a soft logout", refused(401, "M_UNKNOWN_TOKEN", { soft_logout: false }), "logged-out"],
  ["an expired token", refused(401, "M_UNKNOWN_TOKEN", { soft_logout: true }), "soft-logged-out"],
  ["a missing token", refused(401, "M_MISSING_TOKEN"), "logged-out"],
  ["a deactivated user", refused(403, "M_USER_DEACTIVATED"), "logged-out"],
  ["a locked user", refused(401, "M_USER_LOCKED", { soft_logout: true }), "soft-logged-out"],
  ["a token refresh that ended the session", new TokenRefreshLogoutError(), "logged-out"],
  ["an event that is too large", refused(413, "M_TOO_LARGE"), "too-large"],
  ["M_TOO_LARGE with another status", refused(400, "M_TOO_LARGE"), "too-large"],
  ["a body that is too large for a proxy", new HTTPError("Server returned 413 error", 413), "too-large"],
  [
    "delayed events that an old server does not support",
    refused(400, "M_UNKNOWN", { "org.matrix.msc4140.errcode": "M_MAX_DELAY_UNSUPPORTED" }),
    "unsupported",
  ],
  ["a 400", refused(400, "M_BAD_JSON"), "other"],
  ["an error of no known kind", new Error("odd"), "other"],
  ["something that is no error", "odd", "other"],
  ["nothing", undefined, "other"],
] as const)("each error has its kind: %s", ([, error, kind]) => {
  const found = matrixError(error, now);
  expect(found).toBeInstanceOf(MatrixError);
  expect(found.kind).toBe(kind);
});

test("a bare 404 is not-found where it says that the endpoint or the thing does not exist", () => {
  const bare = new HTTPError("Server returned 404 error", 404);
  expect(matrixError(bare, now, { mayBeMissing: true }).kind).toBe("not-found");
  expect(matrixError(refused(404), now, { mayBeMissing: true }).kind).toBe("not-found");
  expect(matrixError(new HTTPError("Server returned 403 error", 403), now, { mayBeMissing: true }).kind).toBe(
    "network",
  );
});

test.for([
  ["seconds", refused(429, "M_LIMIT_EXCEEDED", {}, { "Retry-After": "7" }), 7_000],
  ["a date", refused(429, undefined, {}, { "Retry-After": "Sat, 21 Nov 2026 12:00:03 GMT" }), 3_000],
  ["a date that has passed", refused(429, undefined, {}, { "Retry-After": "Sat, 21 Nov 2026 11:00:00 GMT" }), 500],
  [
    "the header before the body",
    refused(429, "M_LIMIT_EXCEEDED", { retry_after_ms: 900 }, { "Retry-After": "2" }),
    2_000,
  ],
  ["the body", refused(429, "M_LIMIT_EXCEEDED", { retry_after_ms: 900 }), 900],
  [
    "the body when the header is nonsense",
    refused(429, undefined, { retry_after_ms: 900 }, { "Retry-After": "soon" }),
    900,
  ],
  ["no number", refused(429, "M_LIMIT_EXCEEDED", { retry_after_ms: "900" }), undefined],
  ["seconds with decimals", refused(429, undefined, {}, { "Retry-After": "1.5" }), 1_500],
  ["a number of 400 digits", refused(429, undefined, {}, { "Retry-After": "9".repeat(400) }), 86_400_000],
  ["zero", refused(429, undefined, {}, { "Retry-After": "0" }), 500],
  ["a negative number", refused(429, "M_LIMIT_EXCEEDED", { retry_after_ms: -5 }), undefined],
  ["no wait", refused(429, "M_LIMIT_EXCEEDED"), undefined],
  ["another error", refused(403, "M_FORBIDDEN", { retry_after_ms: 900 }, { "Retry-After": "2" }), undefined],
] as const)("the wait that the server asks for is read from %s", ([, error, waitMs]) => {
  expect(matrixError(error, now).retryAfterMs).toBe(waitMs);
});

test.for([
  ["a number", 60_000, 60_000],
  ["nothing", undefined, undefined],
  ["nonsense", "a day", undefined],
  ["zero", 0, undefined],
] as const)("the maximum delay of an older server is read from %s", ([, said, maxDelayMs]) => {
  const more = { "org.matrix.msc4140.errcode": "M_MAX_DELAY_EXCEEDED", "org.matrix.msc4140.max_delay": said };
  expect(matrixError(refused(400, "M_UNKNOWN", more), now)).toMatchObject({ kind: "max-delay-exceeded", maxDelayMs });
});

test("a message contains the words of the server, and no address", () => {
  const { message, cause } = matrixError(refused(403, "M_FORBIDDEN"), now);
  expect(message).toBe("M_FORBIDDEN: HTTP 403: said the server");
  expect(cause).toBeUndefined();
});

test("secrets in the words of the server are removed", () => {
  const error = refused(404, "M_NOT_FOUND", { error: "no event syd_secret" });
  expect(matrixError(error, now, { secrets: ["syd_secret"] }).message).toBe("M_NOT_FOUND: HTTP 404: no event …");
});

test("addresses in errors of the platform are removed", () => {
  const unreachable = new ConnectionError("fetch failed", new Error("GET https://server.example/syd_secret"));
  expect(matrixError(unreachable, now).message).not.toContain("syd_secret");
  expect(matrixError(new Error("at https://server.example/syd_secret now"), now).message).toBe("at … now");
});

test("a long message of the server is cut", () => {
  expect(matrixError(refused(400, "M_UNKNOWN", { error: "x".repeat(10_000) }), now).message.length).toBe(300);
});

test("a MatrixError stays the same object", () => {
  const error = new MatrixError("conflict", "finalised");
  expect(matrixError(error, now)).toBe(error);
});
