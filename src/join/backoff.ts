// Backoff: when a request that failed is tried again, and when that is no use. protocol.md 4.1, 4.5.
import { RtcError } from "../errors.ts";
import type { MatrixError } from "../matrix.ts";
import type { Draft } from "./model.ts";
import type { InFlight, RequestKind } from "./requests.ts";

/** After this many errors that we cannot place, trying the same again is no use. */
const maxUnknown = 3;
/** The longest that a server can make us wait. */
const longestRetryMs = 300_000;
/** Two tries of the same request are at least this far apart, whatever the server says. */
const shortestRetryMs = 250;
/** The same for tries that timed out. */
const timeoutRetryMs = 1_000;

/** Notes the failure, and when to try again. A request that timed out is tried again soon, and is not counted. */
export function retry(draft: Draft, { request: { kind }, sentTs }: InFlight, error: MatrixError): void {
  const { requests } = draft.state;
  if (error.kind === "timeout") return backOff(draft, kind, error, sentTs + timeoutRetryMs - draft.now);
  const attempt = failuresOf(draft, kind) + 1;
  requests.failures = { ...requests.failures, [kind]: attempt };
  backOff(draft, kind, error, waitMs(draft, error, attempt));
}

/** Sends nothing of this kind for a while: after trouble of the network, only until the network is back. */
export function backOff({ state: { requests }, now }: Draft, kind: RequestKind, error: MatrixError, ms: number): void {
  const untilTs = { [kind]: now + Math.max(0, ms) };
  if (error.kind === "network") requests.retryTs = { ...requests.retryTs, ...untilTs };
  else requests.notBefore = { ...requests.notBefore, ...untilTs };
}

/** How long to wait after an error. */
export function waitMs({ settings: { timing } }: Draft, error: MatrixError, attempt: number): number {
  if (error.kind === "rate-limited") {
    const ms = error.retryAfterMs ?? timing.rateLimitRetryMs;
    return Math.min(Math.max(Number.isFinite(ms) ? ms : timing.rateLimitRetryMs, shortestRetryMs), longestRetryMs);
  }
  if (error.kind === "timeout") return 0;
  // After all retries we ask ten times more rarely, for as long as the outage lasts.
  return timing.networkRetryMs * (attempt > timing.maxRetries ? 10 : 1);
}

/** How often in a row this kind of request has failed. */
export const failuresOf = ({ state }: Draft, kind: RequestKind): number => state.requests.failures[kind] ?? 0;
/** Whether it has been retried as often as allowed. */
export const isExhausted = (draft: Draft, kind: RequestKind): boolean =>
  failuresOf(draft, kind) > draft.settings.timing.maxRetries;
/** Whether it has failed too often for reasons that we do not know. */
export const isHopeless = (draft: Draft, kind: RequestKind): boolean =>
  failuresOf(draft, kind) > Math.min(maxUnknown, draft.settings.timing.maxRetries);

/** Trouble that passes. */
export const isTransient = ({ kind }: MatrixError): boolean =>
  kind === "network" || kind === "timeout" || kind === "rate-limited";
/** The end of a delayed event. */
export const isGone = ({ kind }: MatrixError): boolean => kind === "not-found" || kind === "conflict";
/** The error that ends a join after all retries. */
export const requestFailed = (cause: MatrixError): RtcError =>
  new RtcError("request-failed", `the homeserver kept refusing: ${cause.kind}`, { cause });
