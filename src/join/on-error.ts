// On error: what a refusal of the homeserver changes, or its silence. The error matrix of protocol.md 4.5, with its [OURS].
import { RtcError } from "../errors.ts";
import type { MatrixError, MatrixErrorKind } from "../matrix.ts";
import {
  backOff,
  failuresOf,
  isExhausted,
  isGone,
  isHopeless,
  isTransient,
  requestFailed,
  retry,
  waitMs,
} from "./backoff.ts";
import { armedLeave, type Draft, forgetTxn, sendAndForget, trace } from "./model.ts";
import { end, forgetDelayedLeave, forgetReplaced, giveUp, isConfirmedBySync, rejoin } from "./phases.ts";
import { idempotencyKey, type InFlight, type Request } from "./requests.ts";

type Schedule = Extract<Request, { kind: "schedule" }>;
type Write = Extract<Request, { kind: "write" }>;

/** A server that has delayed events and refuses us one is asked again after this time. */
const unsupportedRetryMs = 600_000;
/** With a delay shorter than this no restart can be in time. */
export const shortestDelayMs = 2_000;

/**
 * Applies an error to the state.
 *
 * | | schedule | restart | write | send, to leave | leave | cancel |
 * |---|---|---|---|---|---|---|
 * | rate-limited | again, after the given wait | same | same | leave, after the given wait | again, after the given wait | same |
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
 * - **unsupported**: we go on without a delayed leave and expire sooner. Unless the server has none at all, we ask again in ten minutes.
 * - **gone**: schedule another, or re-join if it was due.
 */
export function onError(draft: Draft, inFlight: InFlight, error: MatrixError): void {
  const { state } = draft;
  const { request } = inFlight;
  switch (request.kind) {
    case "capability":
      state.delayedLeave.held = { status: "wanted" };
      return;
    case "open-slot":
      state.slot.isAsked = !isTransient(error) || isExhausted(draft, "open-slot");
      return retry(draft, inFlight, error);
    case "schedule":
      return request.delegated ? onDelegationRefused(draft, error) : onScheduleError(draft, inFlight, error, request);
    case "restart":
      return onRestartError(draft, inFlight, error, request.delayId);
    case "send":
      if (state.leaving) state.leaving = { ...state.leaving, hasSendFailed: true };
      if (isGone(error) || error.kind === "unsupported") state.delayedLeave.held = { status: "wanted" };
      return backOff(draft, "leave", error, isTransient(error) ? waitMs(draft, error, 0) : 0);
    case "cancel":
      if (state.phase === "leaving") return end(draft);
      if (isTransient(error) && !isExhausted(draft, "cancel")) return retry(draft, inFlight, error);
      return forgetDelayedLeave(draft, request.delayId);
    case "delegate":
      sendAndForget(draft, { kind: "cancel", delayId: request.delayId });
      return onDelegationRefused(draft, error);
    case "write":
      if (request.joinCount !== state.joinCount || isConfirmedBySync(draft, request.reason)) return;
      return onWriteError(draft, inFlight, error, request);
    case "leave":
      return onLeaveError(draft, inFlight, error, request.joinCount);
  }
}

function onScheduleError(draft: Draft, inFlight: InFlight, error: MatrixError, request: Schedule): void {
  const { phase, delayedLeave, requests } = draft.state;
  const { status } = delayedLeave.held;
  if (status === "armed") return;
  if (status === "unsupported") return unsupported(draft, error.kind);
  const { maxDelayMs } = error;
  if (
    error.kind === "max-delay-exceeded" &&
    isUsableDelay(maxDelayMs, request.delayMs) &&
    !isHopeless(draft, "schedule")
  ) {
    delayedLeave.delayMs = maxDelayMs;
    requests.failures = { ...requests.failures, schedule: failuresOf(draft, "schedule") + 1 };
    forgetTxn(draft, idempotencyKey(request));
  } else if (isTransient(error)) {
    retry(draft, inFlight, error);
    if (phase === "joining" && isExhausted(draft, "schedule")) giveUp(draft, requestFailed(error));
  } else {
    const isUnknown = error.kind === "other" || error.kind === "conflict";
    retry(draft, inFlight, error);
    if (!isUnknown || isHopeless(draft, "schedule")) unsupported(draft, error.kind);
  }
}

function onRestartError(draft: Draft, inFlight: InFlight, error: MatrixError, delayId: string): void {
  const { state, now } = draft;
  const { delayedLeave } = state;
  const armed = armedLeave(state);
  if (armed?.delayId !== delayId) return;
  const isDue = now >= armed.leaveTs;
  if (isGone(error)) {
    trace(draft, { kind: "delayed-leave-gone", fired: isDue });
    delayedLeave.held = { status: "wanted" };
    if (isDue && mayHaveJoined(draft)) rejoin(draft, "left-by-server");
    else if (delayedLeave.delegate === "refused" && armed.delegated) delayedLeave.delegate = "wanted";
  } else if (error.kind === "unsupported") {
    unsupported(draft, error.kind);
  } else {
    retry(draft, inFlight, error);
    if (isTransient(error) || !isDue) return;
    delayedLeave.held = { status: "wanted" };
    if (mayHaveJoined(draft)) rejoin(draft, "left-by-server");
  }
}

function onWriteError(draft: Draft, inFlight: InFlight, error: MatrixError, { reason }: Write): void {
  const { phase, publication, presence } = draft.state;
  const hasNoEffect = error.kind === "rate-limited" || error.kind === "forbidden" || error.kind === "unsupported";
  const isUnknown = presence.staleEventId !== undefined || failuresOf(draft, "write") > 0;
  if (publication.status === "maybe" && hasNoEffect && !isUnknown) publication.status = "no";
  retry(draft, inFlight, error);
  if (publication.status === "yes") publication.dirty ??= { reason, dueTs: draft.now };
  if (phase === "leaving") return;
  if (error.kind === "forbidden") {
    giveUp(draft, new RtcError("join-refused", "we may not send our membership to this room", { cause: error }));
  } else if (error.kind === "unsupported") {
    giveUp(draft, new RtcError("unsupported", "the homeserver cannot carry our membership", { cause: error }));
  } else if (isTransient(error)) {
    if (phase === "joining" && isExhausted(draft, "write")) giveUp(draft, requestFailed(error));
  } else if (isHopeless(draft, "write")) {
    if (phase === "joined") rejoin(draft, "not-renewed");
    else giveUp(draft, requestFailed(error));
  }
}

function onLeaveError(draft: Draft, inFlight: InFlight, error: MatrixError, joinCount: number): void {
  const { leaving, joinCount: present } = draft.state;
  retry(draft, inFlight, error);
  if (joinCount !== present) {
    if (leaving?.failure || isExhausted(draft, "leave")) forgetReplaced(draft, joinCount);
  } else if (leaving?.failure) {
    end(draft);
  } else if (isExhausted(draft, "leave")) {
    end(draft, requestFailed(error));
  }
}

/** Goes on without a delayed leave. */
export function unsupported(draft: Draft, error: MatrixErrorKind | "capability"): void {
  const { state, settings, now } = draft;
  const { delayedLeave, publication } = state;
  const wasUnsupported = delayedLeave.held.status === "unsupported";
  const isForGood = error === "capability" || error === "unsupported";
  delayedLeave.held = { status: "unsupported", retryTs: isForGood ? Infinity : now + unsupportedRetryMs };
  if (wasUnsupported) return;
  trace(draft, { kind: "delayed-leave-unsupported", error });
  // Now only our expiry would end us: bring it closer. A sticky duration must not change within a key (3.1).
  if (state.phase === "joined" && settings.kind === "state") publication.dirty = { reason: "refresh", dueTs: now };
}

function onDelegationRefused(draft: Draft, error: MatrixError): void {
  draft.state.delayedLeave.delegate = "refused";
  trace(draft, { kind: "delegation-refused", error: error.kind });
}

/** Whether the delayed leave that fired had something to end: a membership of this instance, or a join without an answer. */
const mayHaveJoined = ({ state: { phase, joinCount, requests } }: Draft): boolean =>
  phase === "joined" || idempotencyKey({ kind: "write", joinCount }) in requests.txns;
const isUsableDelay = (maxDelayMs: number | undefined, delayMs: number): maxDelayMs is number =>
  maxDelayMs !== undefined && maxDelayMs >= shortestDelayMs && maxDelayMs < delayMs;
