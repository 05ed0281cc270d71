// Backoff: when a request that failed is tried again, and when that is no use. protocol.md 4.1, 4.5.
import { RtcError } from "../errors.ts";
import type { MatrixError } from "../matrix.ts";
import type { Draft } from "./draft.ts";
import type { InFlight, RequestKind } from "./requests.ts";

/** After this many errors that we cannot place, trying the same again is no use. */
const maxUnknown = 3;
/** The longest that a server can make us wait. */
const longestRetryMs = 300_000;
/** Two tries of the same request are at least this far apart, whatever the server says. */
const shortestRetryMs = 250;
/** The same for tries that timed out. */
const timeoutRetryMs = 1_000;
/** When the network is back, the clients of a server spread their retries over this time, as far as `jitter` says. */
export const resumeSpreadMs = 5_000;

/**
 * Notes the failure, and when to try again. A request that timed out is tried again soon. While joining for the first time
 * it counts as a failure, so that each first join ends.
 */
export function retry(draft: Draft, { request: { kind }, sentTs }: InFlight, error: MatrixError): void {
  const { requests, phase } = draft.state;
  const isTimeout = error.kind === "timeout";
  if (!isTimeout || phase === "joining") requests.failures = counted(requests.failures, kind);
  if (!isTransient(error)) requests.unknowns = counted(requests.unknowns, kind);
  if (isTimeout) return backOff(draft, kind, error, sentTs + timeoutRetryMs - draft.now);
  backOff(draft, kind, error, waitMs(draft, error, failuresOf(draft, kind)));
}

const counted = (counts: Draft["state"]["requests"]["failures"], kind: RequestKind) => ({
  ...counts,
  [kind]: (counts[kind] ?? 0) + 1,
});

/** A request of this kind has succeeded. */
export function resetFailures({ state: { requests } }: Draft, kind: RequestKind): void {
  if (requests.failures[kind]) requests.failures = { ...requests.failures, [kind]: 0 };
  if (requests.unknowns[kind]) requests.unknowns = { ...requests.unknowns, [kind]: 0 };
}

/** Sends nothing of this kind for a while: after trouble of the network, only until the network is back. */
export function backOff({ state: { requests }, now }: Draft, kind: RequestKind, error: MatrixError, ms: number): void {
  const untilTs = { [kind]: now + Math.max(0, ms) };
  if (error.kind === "network") requests.retryUnlessBackTs = { ...requests.retryUnlessBackTs, ...untilTs };
  else requests.notBeforeTs = { ...requests.notBeforeTs, ...untilTs };
}

/** The network is back: what waits for it is tried again at once, or within a moment that differs for each client. */
export function retrySoon(draft: Draft): void {
  const { requests } = draft.state;
  const soonTs = draft.now + jitter(draft, resumeSpreadMs);
  const entries = Object.entries(requests.retryUnlessBackTs).map(([kind, ts]) => [kind, Math.min(ts, soonTs)] as const);
  requests.retryUnlessBackTs = Object.fromEntries(entries);
}

/** How long to wait after an error. */
export function waitMs(draft: Draft, error: MatrixError, attempt: number): number {
  const { timing } = draft.settings;
  if (error.kind === "rate-limited") {
    const { retryAfterMs: ms = timing.rateLimitRetryMs } = error;
    return Math.min(Math.max(Number.isFinite(ms) ? ms : timing.rateLimitRetryMs, shortestRetryMs), longestRetryMs);
  }
  if (error.kind === "timeout") return 0;
  // After all retries we ask ten times more rarely, for as long as the outage lasts.
  const ms = timing.networkRetryMs * (attempt > timing.maxRetries ? 10 : 1);
  return ms + jitter(draft, ms);
}

/**
 * A random part of a time, at most the share of it that `timing.jitter` allows. Without it, all clients of a server would
 * come back in step after an outage. The generator is mulberry32; its seed is the device, so that a run can be repeated.
 */
export function jitter({ settings: { timing }, state }: Draft, ms: number): number {
  if (timing.jitter === 0) return 0;
  state.seed = (state.seed + 0x6d2b79f5) | 0;
  let hash = Math.imul(state.seed ^ (state.seed >>> 15), 1 | state.seed);
  hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
  return Math.round((ms * timing.jitter * ((hash ^ (hash >>> 14)) >>> 0)) / 2 ** 32);
}

/** How often in a row this kind of request has failed. */
export const failuresOf = ({ state }: Draft, kind: RequestKind): number => state.requests.failures[kind] ?? 0;
/** How often in a row it has failed for a reason that we cannot place. */
export const unknownsOf = ({ state }: Draft, kind: RequestKind): number => state.requests.unknowns[kind] ?? 0;
/** Whether it has been retried as often as allowed. */
export const isExhausted = (draft: Draft, kind: RequestKind): boolean =>
  failuresOf(draft, kind) > draft.settings.timing.maxRetries;
/** Whether it has failed too often for reasons that we do not know. */
export const isHopeless = (draft: Draft, kind: RequestKind): boolean =>
  unknownsOf(draft, kind) > Math.min(maxUnknown, draft.settings.timing.maxRetries);

/** Trouble that passes. */
export const isTransient = ({ kind }: MatrixError): boolean =>
  kind === "network" || kind === "timeout" || kind === "rate-limited" || kind === "soft-logged-out";
/** The end of a delayed event. */
export const isGone = ({ kind }: MatrixError): boolean => kind === "not-found" || kind === "conflict";
/** The error that ends a join after all retries. */
export const requestFailed = (cause: MatrixError): RtcError =>
  new RtcError("request-failed", `the homeserver kept refusing: ${cause.kind}`, { cause });
