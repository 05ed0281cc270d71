// Backoff: when a request that failed is tried again, and when that is no use. protocol.md 4.1, 4.5.
import { RtcError } from "../errors.ts";
import type { MatrixError } from "../matrix.ts";
import { sha256 } from "../room/sha256.ts";
import type { Draft } from "./draft.ts";
import { noRetries, type Requests, type Retries } from "./model.ts";
import type { InFlight, RequestKind } from "./requests.ts";

/** After this many errors that we cannot place, trying the same again is no use. */
const maxUnknown = 3;
/** The longest that a server can make us wait. */
const longestRetryMs = 300_000;
/** Two tries of the same request are at least this far apart, whatever the server says. After `maxRetries`, ten times as far. */
const shortestRetryMs = 250;
/** The same for tries that got no answer in time, and for restarts that the network has lost. */
const lostRetryMs = 1_000;
/** When the network is back, the clients of a server spread their retries over this time, as far as `jitter` says. */
export const resumeSpreadMs = 5_000;

/**
 * Notes the failure, and when to try again. A request that had all its time and got no answer is tried again soon. While
 * joining for the first time it counts as a failure, so that each first join ends. A timeout that comes sooner is an answer
 * of somebody, who would give it again at once. It counts as trouble of the network.
 */
export function retry(draft: Draft, { request: { kind }, sentTs, timeoutTs }: InFlight, error: MatrixError): void {
  const { requests, phase, now } = draft;
  const { failures, unknowns } = retriesOf(requests, kind);
  const hadAllItsTime = error.kind === "timeout" && now >= timeoutTs;
  const attempt = failures + (hadAllItsTime && phase !== "joining" ? 0 : 1);
  note(draft, kind, { failures: attempt, unknowns: unknowns + (isTransient(error) ? 0 : 1) });
  backOff(draft, kind, error, hadAllItsTime ? sentTs + lostRetryMs - now : waitMs(draft, kind, error, attempt));
}

/** What is remembered of a kind of request. */
export const retriesOf = ({ retries }: Pick<Requests, "retries">, kind: RequestKind): Retries =>
  retries[kind] ?? noRetries;

function note({ requests }: Draft, kind: RequestKind, change: Partial<Retries>): void {
  requests.retries = { ...requests.retries, [kind]: { ...retriesOf(requests, kind), ...change } };
}

/** A request of this kind has succeeded. */
export function resetFailures(draft: Draft, kind: RequestKind): void {
  if (draft.requests.retries[kind]) note(draft, kind, { failures: 0, unknowns: 0 });
}

/** When a request of this kind may be sent. */
export function nextTryTs(requests: Pick<Requests, "retries">, kind: RequestKind): number {
  const { notBeforeTs, retryUnlessBackTs } = retriesOf(requests, kind);
  return Math.max(notBeforeTs, retryUnlessBackTs);
}

/** Sends nothing of this kind for a while: after trouble of the network, only until the network is back. */
export function backOff(draft: Draft, kind: RequestKind, error: MatrixError, ms: number): void {
  const untilTs = draft.now + Math.max(0, ms);
  note(draft, kind, isNetworkTrouble(error) ? { retryUnlessBackTs: untilTs } : { notBeforeTs: untilTs });
}

/** The network is back: what waits for it is tried again at once, or within a moment that differs for each client. */
export function retrySoon(draft: Draft): void {
  const soonTs = draft.now + jitter(draft, resumeSpreadMs);
  const { retries } = draft.requests;
  for (const kind of Object.keys(retries) as RequestKind[])
    note(draft, kind, { retryUnlessBackTs: Math.min(retriesOf({ retries }, kind).retryUnlessBackTs, soonTs) });
}

/** How long to wait after an error. After `maxRetries` we ask ten times more rarely, for as long as the outage lasts. */
export function waitMs(draft: Draft, kind: RequestKind, error: MatrixError, attempt: number): number {
  const { networkRetryMs, rateLimitRetryMs, maxRetries } = draft.settings.timing;
  const lostMs = kind === "restart" ? lostRestartMs(networkRetryMs) : networkRetryMs;
  // More tries of a restart in the same time.
  const factor = attempt * lostMs > maxRetries * networkRetryMs ? 10 : 1;
  if (error.kind === "rate-limited") {
    const { retryAfterMs: ms = rateLimitRetryMs } = error;
    return Math.min(Math.max(Number.isFinite(ms) ? ms : rateLimitRetryMs, shortestRetryMs * factor), longestRetryMs);
  }
  const ms = (isNetworkTrouble(error) ? lostMs : networkRetryMs) * factor;
  return ms + jitter(draft, ms);
}

/**
 * The wait after a restart that the network has lost: a third. Its answer says that the network is back, and the delayed leave
 * does not wait. Of all requests only a restart can be repeated so freely: a schedule whose answer is lost leaves another delayed leave.
 */
export const lostRestartMs = (networkRetryMs: number): number =>
  Math.min(networkRetryMs, Math.max(lostRetryMs, Math.round(networkRetryMs / 3)));

/**
 * A random part of a time, at most the share of it that `timing.jitter` allows. Without it, all clients of a server would
 * come back in step after an outage. The share is a hash of the device and of how many requests it has sent, so that a run can be repeated.
 */
export function jitter({ settings: { timing }, seed, requests }: Draft, ms: number): number {
  if (timing.jitter === 0) return 0;
  const [byte = 0] = sha256(new TextEncoder().encode(`${seed} ${requests.nextId}`));
  return Math.round((ms * timing.jitter * byte) / 255);
}

/** Whether it has been retried as often as allowed. */
export const isExhausted = (draft: Draft, kind: RequestKind): boolean =>
  retriesOf(draft.requests, kind).failures > draft.settings.timing.maxRetries;
/** Whether it has failed too often for reasons that we do not know. */
export const isHopeless = (draft: Draft, kind: RequestKind): boolean =>
  retriesOf(draft.requests, kind).unknowns > Math.min(maxUnknown, draft.settings.timing.maxRetries);

/** Trouble that is over when the network is back. */
const isNetworkTrouble = ({ kind }: MatrixError): boolean => kind === "network" || kind === "timeout";
/** Trouble that passes. */
export const isTransient = (error: MatrixError): boolean =>
  isNetworkTrouble(error) || error.kind === "rate-limited" || error.kind === "soft-logged-out";
/** The end of a delayed event. */
export const isGone = ({ kind }: MatrixError): boolean => kind === "not-found" || kind === "conflict";
/** The error that ends a join after all retries. */
export const requestFailed = (cause: MatrixError): RtcError =>
  new RtcError("request-failed", `the homeserver kept refusing: ${cause.kind}`, { cause });
