// Settle: what an answer of the homeserver changes. The error matrix of protocol.md 4.5, with its [OURS].
import { RtcError } from "../errors.ts";
import type { MatrixError, MatrixErrorKind } from "../matrix.ts";
import type { Answer, Flight, Request, RequestKind, Turn } from "./facts.ts";
import { contentOf, forgetTxn, trace } from "./facts.ts";
import { armedLeave, detach, end, fail, markWritten, rejoin, restartEveryMs } from "./moves.ts";

import type { WriteReason } from "./trace.ts";

type Schedule = Extract<Request, { kind: "schedule" }>;

/** After this many errors that we cannot place, trying the same again is no use. */
const maxUnknown = 3;
/** A server that has delayed events and refuses us one is asked again after this long. */
const unsupportedRetryMs = 600_000;
/** The longest that a server can make us wait. */
const longestRetryMs = 300_000;
/** Two tries of the same request are at least this far apart, whatever the server says. */
const shortestRetryMs = 250;
/** The same for tries that we gave up waiting for. */
const timeoutRetryMs = 1_000;
/** With a delay shorter than this no restart can be in time. */
const shortestDelayMs = 2_000;

/**
 * Takes an answer into the facts.
 *
 * | | schedule | restart | write | send (leaving) | leave | cancel |
 * |---|---|---|---|---|---|---|
 * | ok | armed | deadline moves | written | left | left | gone |
 * | rate-limited | again after its wait | same | same | leave, after its wait | again after its wait | same |
 * | network | again after `networkRetryMs` | same | same | leave, after the wait | again | again |
 * | timeout | again, uncounted | same | same | leave | again, uncounted | same |
 * | not-found, conflict | not-found: unsupported; conflict: unknown | gone: schedule anew, or re-join if it was due | unknown | leave | unknown | gone |
 * | forbidden | unsupported | unknown | fails `join-refused` | leave | unknown | gone |
 * | unsupported | unsupported | unsupported | fails `unsupported` | leave | unknown | gone |
 * | max-delay-exceeded | again with the server's maximum, else unsupported | unknown | unknown | leave | unknown | gone |
 * | other: unknown | again 3 times, then unsupported | again until it is due, then re-join | again 3 times, then re-join, then fails `request-failed` | leave | again | gone |
 * | `maxRetries` exceeded | fails `request-failed` while joining, else goes on | goes on | like schedule | - | fails `request-failed` | gone |
 *
 * A late answer counts like one in time if it is a success or the end of a delay id, and not at all otherwise.
 */
export function settle(turn: Turn, flight: Flight, answer: Answer, isLate: boolean): void {
  const { kind } = flight.request;
  if (isLate) trace(turn, { kind: "late-answer", request: kind, ok: answer.ok });
  if (answer.ok) {
    turn.facts.failures = { ...turn.facts.failures, [kind]: 0 };
    succeeded(turn, flight, answer.value);
  } else if (!isLate) {
    const attempt = (turn.facts.failures[kind] ?? 0) + 1;
    trace(turn, { kind: "request-failed", request: kind, error: answer.error.kind, attempt });
    failed(turn, flight, answer.error);
  } else if (kind === "restart" && isGone(answer.error)) {
    failed(turn, flight, answer.error);
  }
}

function succeeded(turn: Turn, flight: Flight, value: unknown): void {
  const { facts, settings } = turn;
  const { request, sinceTs } = flight;
  switch (request.kind) {
    case "capability": {
      if (facts.delayed.status !== "unknown") return;
      const limit = value as false | { readonly maxDelayMs?: number };
      const maxDelayMs = limit === false ? 0 : (limit.maxDelayMs ?? Infinity);
      facts.delayed = { status: "wanted" };
      if (maxDelayMs >= facts.delayMs) return;
      if (maxDelayMs < shortestDelayMs) return unsupported(turn, "capability");
      facts.delayMs = maxDelayMs;
      return;
    }
    case "open-slot":
      facts.slot = "open";
      facts.slotAsked = true;
      return;
    case "schedule":
      return scheduled(turn, request, sinceTs, value as string);
    case "restart": {
      const armed = armedLeave(facts);
      if (armed?.delayId !== request.delayId) return;
      dropLate(turn, "restart", sinceTs);
      facts.delayed = {
        ...armed,
        leaveTs: Math.max(armed.leaveTs, sinceTs + armed.delayMs),
        restartTs: sinceTs + restartEveryMs(settings, armed.delayMs, armed.delegated),
      };
      return;
    }
    case "write":
      if (request.instance !== facts.instance) return;
      dropLate(turn, "write", sinceTs);
      return isShown(turn, request.reason) ? undefined : markWritten(turn, request.reason, "answer");
    case "send":
      facts.written = "no";
      facts.delayed = { status: "wanted" };
      return;
    case "leave":
      forgetTxn(facts, contentOf(request));
      if (request.instance === facts.instance) facts.written = "no";
      return dropAbandoned(turn, request.instance);
    case "cancel":
      return forget(turn, request.delayId);
    case "delegate":
      return handedOver(turn, request);
  }
}

function scheduled(turn: Turn, request: Schedule, sinceTs: number, delayId: string): void {
  const { facts, settings } = turn;
  const { delayMs, delegated } = request;
  forgetTxn(facts, contentOf(request));
  // Of a sticky member that has been replaced: when it fires, it ends that one.
  if (settings.kind === "sticky" && request.instance !== facts.instance) return;
  if (delegated && facts.handover === "wanted" && facts.phase === "joined") {
    facts.handover = { delayId, leaveTs: sinceTs + delayMs };
    return;
  }
  if (delegated || facts.delayed.status === "armed") {
    trace(turn, { kind: "delayed-leave-surplus" });
    return detach(turn, { kind: "cancel", delayId });
  }
  const restartTs = sinceTs + restartEveryMs(settings, delayMs, false);
  facts.delayed = { status: "armed", delayId, delayMs, leaveTs: sinceTs + delayMs, restartTs, delegated };
  trace(turn, { kind: "delayed-leave-armed", delayMs, delegated });
}

function handedOver(turn: Turn, { delayId, delayMs }: Extract<Request, { kind: "delegate" }>): void {
  const { facts, settings, now } = turn;
  const { handover } = facts;
  if (typeof handover === "string" || handover.delayId !== delayId) return;
  const before = armedLeave(facts);
  if (before) detach(turn, { kind: "cancel", delayId: before.delayId });
  const restartTs = now + restartEveryMs(settings, delayMs, true);
  facts.delayed = { status: "armed", delayId, delayMs, leaveTs: handover.leaveTs, restartTs, delegated: true };
  facts.handover = "refused";
  trace(turn, { kind: "delayed-leave-armed", delayMs, delegated: true });
}

function failed(turn: Turn, flight: Flight, error: MatrixError): void {
  const { facts } = turn;
  const { request } = flight;
  switch (request.kind) {
    case "capability":
      facts.delayed = { status: "wanted" };
      return;
    case "open-slot":
      facts.slotAsked = !isTransient(error) || isExhausted(turn, "open-slot");
      return retry(turn, flight, error);
    case "schedule":
      return request.delegated ? refused(turn, error) : notScheduled(turn, flight, error, request);
    case "restart":
      return notRestarted(turn, flight, error, request.delayId);
    case "send":
      if (facts.leaving) facts.leaving = { ...facts.leaving, sendFailed: true };
      if (isGone(error) || error.kind === "unsupported") facts.delayed = { status: "wanted" };
      return hold(turn, "leave", isTransient(error) ? waitMs(turn, error, 0) : 0);
    case "cancel":
      if (facts.phase === "leaving") return end(turn);
      if (isTransient(error) && !isExhausted(turn, "cancel")) return retry(turn, flight, error);
      return forget(turn, request.delayId);
    case "delegate":
      detach(turn, { kind: "cancel", delayId: request.delayId });
      return refused(turn, error);
    case "write":
      if (request.instance !== facts.instance || isShown(turn, request.reason)) return;
      return notWritten(turn, flight, error);
    case "leave":
      return notLeft(turn, flight, error, request.instance);
  }
}

function notScheduled(turn: Turn, flight: Flight, error: MatrixError, request: Schedule): void {
  const { facts } = turn;
  if (facts.delayed.status === "armed") return;
  if (facts.delayed.status === "unsupported") return unsupported(turn, error.kind);
  if (
    error.kind === "max-delay-exceeded" &&
    withinReach(error.maxDelayMs, request.delayMs) &&
    !isHopeless(turn, "schedule")
  ) {
    facts.delayMs = error.maxDelayMs;
    facts.failures = { ...facts.failures, schedule: count(turn, "schedule") + 1 };
    forgetTxn(facts, contentOf(request));
  } else if (isTransient(error)) {
    retry(turn, flight, error);
    if (facts.phase === "joining" && isExhausted(turn, "schedule")) fail(turn, requestFailed(error));
  } else {
    const isUnknown = error.kind === "other" || error.kind === "conflict";
    retry(turn, flight, error);
    if (!isUnknown || isHopeless(turn, "schedule")) unsupported(turn, error.kind);
  }
}

function notRestarted(turn: Turn, flight: Flight, error: MatrixError, delayId: string): void {
  const { facts, now } = turn;
  const armed = armedLeave(facts);
  if (armed?.delayId !== delayId) return;
  const isDue = now >= armed.leaveTs;
  if (isGone(error)) {
    trace(turn, { kind: "delayed-leave-gone", fired: isDue });
    facts.delayed = { status: "wanted" };
    if (isDue && mayHaveLeft(turn)) rejoin(turn, "left-by-server");
    else if (facts.handover === "refused" && armed.delegated) facts.handover = "wanted";
  } else if (error.kind === "unsupported") {
    unsupported(turn, error.kind);
  } else {
    retry(turn, flight, error);
    if (isTransient(error) || !isDue) return;
    facts.delayed = { status: "wanted" };
    if (mayHaveLeft(turn)) rejoin(turn, "left-by-server");
  }
}

function notWritten(turn: Turn, flight: Flight, error: MatrixError): void {
  const { facts } = turn;
  const isFirst = facts.phase !== "joined";
  const hasNoEffect = error.kind === "rate-limited" || error.kind === "forbidden" || error.kind === "unsupported";
  const isUnknown = facts.staleEventId !== undefined || count(turn, "write") > 0;
  if (facts.written === "maybe" && hasNoEffect && !isUnknown) facts.written = "no";
  retry(turn, flight, error);
  if (facts.written === "yes" && flight.request.kind === "write") {
    facts.dirty ??= { reason: flight.request.reason, dueTs: turn.now };
  }
  if (facts.phase === "leaving") return;
  if (error.kind === "forbidden") {
    fail(turn, new RtcError("join-refused", "we may not send our membership to this room", { cause: error }));
  } else if (error.kind === "unsupported") {
    fail(turn, new RtcError("unsupported", "the homeserver cannot carry our membership", { cause: error }));
  } else if (isTransient(error)) {
    if (facts.phase === "joining" && isExhausted(turn, "write")) fail(turn, requestFailed(error));
  } else if (isHopeless(turn, "write")) {
    if (isFirst) fail(turn, requestFailed(error));
    else rejoin(turn, "not-renewed");
  }
}

function notLeft(turn: Turn, flight: Flight, error: MatrixError, instance: number): void {
  const { facts } = turn;
  retry(turn, flight, error);
  if (instance !== facts.instance) {
    if (facts.leaving?.failure || isExhausted(turn, "leave")) dropAbandoned(turn, instance);
  } else if (facts.leaving?.failure) {
    end(turn);
  } else if (isExhausted(turn, "leave")) {
    end(turn, requestFailed(error));
  }
}

/** Notes the failure and when to try again. What we gave up waiting for is tried again soon, and not counted. */
function retry(turn: Turn, { request: { kind }, sinceTs }: Flight, error: MatrixError): void {
  const { facts, now } = turn;
  if (error.kind === "timeout") return hold(turn, kind, sinceTs + timeoutRetryMs - now);
  const attempt = count(turn, kind) + 1;
  facts.failures = { ...facts.failures, [kind]: attempt };
  hold(turn, kind, waitMs(turn, error, attempt));
}

function hold(turn: Turn, kind: RequestKind, ms: number): void {
  turn.facts.notBefore = { ...turn.facts.notBefore, [kind]: turn.now + Math.max(0, ms) };
}

function waitMs({ settings }: Turn, error: MatrixError, attempt: number): number {
  if (error.kind === "rate-limited") {
    const ms = error.retryAfterMs ?? settings.rateLimitRetryMs;
    return Math.min(Math.max(Number.isFinite(ms) ? ms : settings.rateLimitRetryMs, shortestRetryMs), longestRetryMs);
  }
  if (error.kind === "timeout") return 0;
  // An outage that outlasts all retries is asked about ten times more rarely.
  return settings.networkRetryMs * (attempt > settings.maxRetries ? 10 : 1);
}

function unsupported(turn: Turn, error: MatrixErrorKind | "capability"): void {
  const { facts, settings, now } = turn;
  const wasUnsupported = facts.delayed.status === "unsupported";
  const isForGood = error === "capability" || error === "unsupported";
  facts.delayed = { status: "unsupported", retryTs: isForGood ? Infinity : now + unsupportedRetryMs };
  if (wasUnsupported) return;
  trace(turn, { kind: "delayed-leave-unsupported", error });
  // Nothing ends us now but our expiry: bring it closer. A sticky duration must not change within a key (3.1).
  if (facts.phase === "joined" && settings.kind === "state") facts.dirty = { reason: "refresh", dueTs: turn.now };
}

function refused(turn: Turn, error: MatrixError): void {
  turn.facts.handover = "refused";
  trace(turn, { kind: "delegation-refused", error: error.kind });
}

function dropAbandoned({ facts }: Turn, instance: number): void {
  facts.abandoned = facts.abandoned.filter((one) => one !== instance);
}

/** Forgets a delayed leave that is gone. */
function forget(turn: Turn, delayId: string): void {
  const { facts } = turn;
  if (facts.leftBehind === delayId) facts.leftBehind = undefined;
  if (armedLeave(facts)?.delayId === delayId) facts.delayed = { status: "wanted" };
}

/** An answer has come: earlier tries of the same have nothing to add. */
function dropLate(turn: Turn, kind: RequestKind, beforeTs: number): void {
  const { facts } = turn;
  const isOld = ({ request, sinceTs }: Flight) => request.kind === kind && sinceTs < beforeTs;
  for (const { id } of facts.late.filter(isOld)) turn.effects.push({ kind: "abort", id });
  facts.late = facts.late.filter((flight) => !isOld(flight));
}

/** Whether the delayed leave that fired had a membership of this instance to end, or a join that was sent and not answered. */
const mayHaveLeft = ({ facts }: Turn): boolean =>
  facts.phase === "joined" || contentOf({ kind: "write", instance: facts.instance }) in facts.txns;
/** The room has shown that we joined before the answer came: whatever it says, we are in. */
const isShown = ({ facts }: Turn, reason: WriteReason): boolean =>
  facts.phase === "joined" && facts.echoed && (reason === "join" || reason === "rejoin");
const count = ({ facts }: Turn, kind: RequestKind): number => facts.failures[kind] ?? 0;
const isExhausted = (turn: Turn, kind: RequestKind): boolean => count(turn, kind) > turn.settings.maxRetries;
const isHopeless = (turn: Turn, kind: RequestKind): boolean =>
  count(turn, kind) > Math.min(maxUnknown, turn.settings.maxRetries);
const isTransient = ({ kind }: MatrixError): boolean =>
  kind === "network" || kind === "timeout" || kind === "rate-limited";
const isGone = ({ kind }: MatrixError): boolean => kind === "not-found" || kind === "conflict";
const withinReach = (maxDelayMs: number | undefined, delayMs: number): maxDelayMs is number =>
  maxDelayMs !== undefined && maxDelayMs >= shortestDelayMs && maxDelayMs < delayMs;
const requestFailed = (cause: MatrixError): RtcError =>
  new RtcError("request-failed", `the homeserver kept refusing: ${cause.kind}`, { cause });
