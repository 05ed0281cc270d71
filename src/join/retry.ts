// Retry: when a request that failed is tried again, and when that is no use. protocol.md 4.1, 4.5.
import { RtcError } from "../errors.ts";
import type { MatrixError } from "../matrix.ts";
import type { Flight, RequestKind } from "./request.ts";
import type { Turn } from "./turn.ts";

/** After this many errors that we cannot place, trying the same again is no use. */
const maxUnknown = 3;
/** The longest that a server can make us wait. */
const longestRetryMs = 300_000;
/** Two tries of the same request are at least this far apart, whatever the server says. */
const shortestRetryMs = 250;
/** The same for tries that we gave up waiting for. */
const timeoutRetryMs = 1_000;

/** Notes the failure, and when to try again. What we gave up waiting for is tried again soon, and not counted. */
export function retry(turn: Turn, { request: { kind }, sinceTs }: Flight, error: MatrixError): void {
  const { facts, now } = turn;
  if (error.kind === "timeout") return hold(turn, kind, error, sinceTs + timeoutRetryMs - now);
  const attempt = count(turn, kind) + 1;
  facts.failures = { ...facts.failures, [kind]: attempt };
  hold(turn, kind, error, waitMs(turn, error, attempt));
}

/** Nothing of this kind is sent for a while: what the network has failed, only until it is back. */
export function hold({ facts, now }: Turn, kind: RequestKind, error: MatrixError, ms: number): void {
  const untilTs = { [kind]: now + Math.max(0, ms) };
  if (error.kind === "network") facts.retryTs = { ...facts.retryTs, ...untilTs };
  else facts.notBefore = { ...facts.notBefore, ...untilTs };
}

/** How long to wait after an error. */
export function waitMs({ settings }: Turn, error: MatrixError, attempt: number): number {
  if (error.kind === "rate-limited") {
    const ms = error.retryAfterMs ?? settings.rateLimitRetryMs;
    return Math.min(Math.max(Number.isFinite(ms) ? ms : settings.rateLimitRetryMs, shortestRetryMs), longestRetryMs);
  }
  if (error.kind === "timeout") return 0;
  // An outage that outlasts all retries is asked about ten times more rarely.
  return settings.networkRetryMs * (attempt > settings.maxRetries ? 10 : 1);
}

/** How often in a row it has failed. */
export const count = ({ facts }: Turn, kind: RequestKind): number => facts.failures[kind] ?? 0;
/** Whether it has been retried as often as we may. */
export const isExhausted = (turn: Turn, kind: RequestKind): boolean => count(turn, kind) > turn.settings.maxRetries;
/** Whether it has failed too often for reasons that we do not know. */
export const isHopeless = (turn: Turn, kind: RequestKind): boolean =>
  count(turn, kind) > Math.min(maxUnknown, turn.settings.maxRetries);

/** Trouble that passes. */
export const isTransient = ({ kind }: MatrixError): boolean =>
  kind === "network" || kind === "timeout" || kind === "rate-limited";
/** The end of a delayed event. */
export const isGone = ({ kind }: MatrixError): boolean => kind === "not-found" || kind === "conflict";
/** What cannot go on after all retries. */
export const requestFailed = (cause: MatrixError): RtcError =>
  new RtcError("request-failed", `the homeserver kept refusing: ${cause.kind}`, { cause });
