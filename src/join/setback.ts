// Setback: what a refusal of the homeserver changes, or its silence. The error matrix of protocol.md 4.5, with its [OURS].
import { RtcError } from "../errors.ts";
import type { MatrixError, MatrixErrorKind } from "../matrix.ts";
import { armedLeave } from "./facts.ts";
import { dropAbandoned, end, fail, forget, isShown, rejoin } from "./moves.ts";
import { contentOf, type Flight, type Request } from "./request.ts";
import { count, hold, isExhausted, isGone, isHopeless, isTransient, requestFailed, retry, waitMs } from "./retry.ts";
import { detach, forgetTxn, trace, type Turn } from "./turn.ts";

type Schedule = Extract<Request, { kind: "schedule" }>;

/** A server that has delayed events and refuses us one is asked again after this long. */
const unsupportedRetryMs = 600_000;
/** With a delay shorter than this no restart can be in time. */
export const shortestDelayMs = 2_000;

/**
 * Takes an error into the facts.
 *
 * | | schedule | restart | write | send, to leave | leave | cancel |
 * |---|---|---|---|---|---|---|
 * | rate-limited | again, as told | again, as told | again, as told | leave, as told | again, as told | again, as told |
 * | network | again | again | again | leave, after the wait | again | again |
 * | timeout | again soon | again soon | again soon | leave | again soon | again soon |
 * | not-found | unsupported | gone | unknown | leave | again | done |
 * | conflict | unknown | gone | unknown | leave | again | done |
 * | forbidden | unsupported | unknown | fails `join-refused` | leave | again | done |
 * | unsupported | unsupported | unsupported | fails `unsupported` | leave | again | done |
 * | max-delay-exceeded | again, with that delay | unknown | unknown | leave | again | done |
 * | other | unknown | unknown | unknown | leave | again | done |
 *
 * - **again**: after `networkRetryMs`, and ten times more rarely after `maxRetries`. While joining for the first time, a
 *   schedule or write then fails with `request-failed`; so does a leave. A timeout is not counted.
 * - **unknown**: again, three times at most. Then a schedule counts as unsupported, a write makes us re-join and fails the
 *   next time with `request-failed`. A restart is tried until the delayed leave is due, then we re-join.
 * - **unsupported**: we go on without a delayed leave and lapse sooner. Unless the server has none at all, we ask again in ten minutes.
 * - **gone**: schedule another, or re-join if it was due.
 */
export function failed(turn: Turn, flight: Flight, error: MatrixError): void {
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
      return hold(turn, "leave", error, isTransient(error) ? waitMs(turn, error, 0) : 0);
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

/** Goes on without a delayed leave. */
export function unsupported(turn: Turn, error: MatrixErrorKind | "capability"): void {
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

/** Whether the delayed leave that fired had a membership of this instance to end, or a join that was sent and not answered. */
const mayHaveLeft = ({ facts }: Turn): boolean =>
  facts.phase === "joined" || contentOf({ kind: "write", instance: facts.instance }) in facts.txns;
const withinReach = (maxDelayMs: number | undefined, delayMs: number): maxDelayMs is number =>
  maxDelayMs !== undefined && maxDelayMs >= shortestDelayMs && maxDelayMs < delayMs;
