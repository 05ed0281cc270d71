// On error: what an error or a timeout changes. protocol.md 4.5.
import { RtcError } from "../errors.ts";
import type { MatrixError } from "../matrix.ts";
import {
  backOff,
  isExhausted,
  isGone,
  isHopeless,
  isTransient,
  requestFailed,
  resetFailures,
  retriesOf,
  retry,
  waitMs,
} from "./backoff.ts";
import {
  discardDelayedLeave,
  discardDelegation,
  forgetDelayedLeave,
  goUnprotected,
  loseDelayedLeave,
} from "./delayed-leave.ts";
import { type Draft, forgetTxn, isWriteUnconfirmed, trace } from "./draft.ts";
import { isUnanswered, limitListening } from "./in-flight.ts";
import { armedLeave, type Leaving, noRetries } from "./model.ts";
import { end, forgetReplaced, giveUp, isConfirmedBySync, rejoin } from "./phases.ts";
import { idempotencyKey, type InFlight, type Request } from "./requests.ts";

type Schedule = Extract<Request, { kind: "schedule" }>;
type Delegate = Extract<Request, { kind: "delegate" }>;
type Write = Extract<Request, { kind: "write" }>;
type Leave = Extract<Request, { kind: "leave" }>;

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
 * | forbidden | unsupported | unknown | fails `join-refused` | leave | again | unknown |
 * | unsupported | unsupported | unsupported | fails `unsupported` | leave | again | done |
 * | max-delay-exceeded | again, with that delay | unknown | unknown | leave | again | unknown |
 * | too-large | unknown | unknown | fails `bad-argument` | leave | again | unknown |
 * | other | unknown | unknown | unknown | leave | again | unknown |
 *
 * - **again**: after `networkRetryMs`, and ten times more rarely after `maxRetries`. While joining for the first time, a
 *   schedule or write then fails with `request-failed`; so does a leave. A restart that the network has lost: after a third of
 *   it, but a second at least, and more rarely after the same time.
 * - **again soon**: at once, or a second after it was sent. Once joined, it is not counted. A timeout that comes sooner than
 *   ours is an answer of somebody. It counts as `network`, except that a leave follows a send at once.
 * - **the given wait**: a quarter of a second at least, 2.5 s after `maxRetries`, and five minutes at most.
 * - **unknown**: again, three times at most. Then a schedule counts as unsupported, a write makes us re-join and fails the
 *   next time with `request-failed`. A restart is tried until the delayed leave is due, then we re-join.
 * - **unsupported**: we go on without a delayed leave and expire sooner. Unless the server has none at all, we ask again in ten minutes.
 * - **gone**: schedule another, or re-join if it was due. After two in a row without an answered restart: unsupported.
 *
 * Two errors mean the same for each request. `logged-out` ends the join at once. `soft-logged-out` stops all requests until
 * the client is in touch again. Outside the room, a leave that failed waits until we are back in it.
 */
export function onError(draft: Draft, inFlight: InFlight, error: MatrixError): void {
  const { request } = inFlight;
  if (error.kind === "logged-out") return onLoggedOut(draft, error);
  if (error.kind === "soft-logged-out") return pause(draft, request);
  switch (request.kind) {
    case "capability":
      if (draft.delayedLeave.held.status === "unknown") draft.delayedLeave.held = { status: "wanted" };
      return;
    case "open-slot":
      retry(draft, inFlight, error);
      draft.slot.isAsked = !isTransient(error) || isExhausted(draft, "open-slot");
      return;
    case "schedule":
      return request.delegated
        ? onDelegationRefused(draft, error, request)
        : onScheduleError(draft, inFlight, error, request);
    case "restart":
      return onRestartError(draft, inFlight, error, request.delayId);
    case "send":
      if (draft.leaving) draft.leaving = { ...draft.leaving, hasSendFailed: true };
      if (isGone(error) || error.kind === "unsupported") draft.delayedLeave.held = { status: "none" };
      if (error.kind !== "network" && error.kind !== "rate-limited") return;
      return backOff(draft, "leave", error, waitMs(draft, "send", error, 0));
    case "cancel":
      return onCancelError(draft, inFlight, error, request.delayId);
    case "delegate":
      return onDelegationRefused(draft, error, request);
    case "write":
      if (request.joinCount !== draft.joinCount || isConfirmedBySync(draft, request.reason)) return;
      return onWriteError(draft, inFlight, error, request);
    case "leave":
      return onLeaveError(draft, inFlight, error, request);
  }
}

function onLoggedOut(draft: Draft, cause: MatrixError): void {
  giveUp(draft, new RtcError("logged-out", "the client was logged out", { cause }));
  end(draft);
}

/** Asks for nothing until the client is in touch again. Then everything is asked for that is wanted then. */
function pause(draft: Draft, request: Request): void {
  const { now } = draft;
  draft.requests.isPaused = true;
  const { publication } = draft;
  if (request.kind === "write" && publication.status === "yes")
    publication.dirty ??= { reason: request.reason, dueTs: now };
}

function onScheduleError(draft: Draft, inFlight: InFlight, error: MatrixError, request: Schedule): void {
  const { phase, delayedLeave } = draft;
  const { status } = delayedLeave.held;
  if (status === "armed") return;
  const { maxDelayMs } = error;
  if (error.kind === "max-delay-exceeded" && isUsableDelay(maxDelayMs, request.delayMs)) {
    delayedLeave.delayMs = maxDelayMs;
    delayedLeave.held = { status: "wanted" };
    return forgetTxn(draft, idempotencyKey(request));
  }
  const isForGood = error.kind === "unsupported";
  if (status === "unsupported") return goUnprotected(draft, error.kind, isForGood);
  retry(draft, inFlight, error);
  if (isTransient(error)) {
    if (phase === "joining" && isExhausted(draft, "schedule")) giveUp(draft, requestFailed(error));
  } else {
    const isUnknown = error.kind === "other" || error.kind === "conflict" || error.kind === "too-large";
    if (!isUnknown || isHopeless(draft, "schedule")) goUnprotected(draft, error.kind, isForGood);
  }
}

function onRestartError(draft: Draft, inFlight: InFlight, error: MatrixError, delayId: string): void {
  const { delayedLeave, now } = draft;
  const armed = armedLeave(draft);
  if (armed?.delayId !== delayId) return;
  limitListening(draft, armed);
  if (error.kind === "unsupported") return goUnprotected(draft, error.kind, true);
  const isDue = now >= armed.leaveTs;
  if (!isGone(error)) retry(draft, inFlight, error);
  if (isGone(error)) {
    trace(draft, { kind: "delayed-leave-gone", fired: isDue });
    loseDelayedLeave(draft, true);
    if (isDue && hasEnded(draft)) rejoin(draft, "left-by-server");
    else if (delayedLeave.delegate === "decided" && armed.delegated) delayedLeave.delegate = "wanted";
  } else if (armed.doubtTs !== undefined && draft.phase === "rejoining") {
    // It may still be alive, but its answer must not hold up the re-join.
    discardDelayedLeave(draft, armed.delayId, armed.delayMs);
    delayedLeave.held = { status: "wanted" };
  } else if (armed.doubtTs !== undefined) {
    delayedLeave.held = { ...armed, doubtTs: undefined };
  } else if (isDue && !isTransient(error)) {
    loseDelayedLeave(draft, true);
    if (hasEnded(draft)) rejoin(draft, "left-by-server");
  }
}

function onCancelError(draft: Draft, inFlight: InFlight, error: MatrixError, delayId: string): void {
  if (draft.phase === "leaving" && armedLeave(draft)?.delayId === delayId) return end(draft);
  const isOver = isGone(error) || error.kind === "unsupported";
  // It is done. The others need not wait as after a failure.
  if (isOver) resetFailures(draft, "cancel");
  else retry(draft, inFlight, error);
  // While leaving, one try is enough: it can harm the next join alone, which inherits it.
  if (isOver || isHopeless(draft, "cancel")) forgetDelayedLeave(draft, delayId);
}

function onWriteError(draft: Draft, inFlight: InFlight, error: MatrixError, { reason }: Write): void {
  const { phase, publication, presence, requests } = draft;
  const isRefused = error.kind === "forbidden" || error.kind === "unsupported" || error.kind === "too-large";
  const hasNoEffect = isRefused || error.kind === "rate-limited";
  // That one try was refused says nothing about the others.
  const hasOtherTries = retriesOf(requests, "write").failures > 0 || isUnanswered(requests, "write");
  const isUnknown = presence.staleEventId !== undefined || hasOtherTries;
  if (publication.status === "maybe" && hasNoEffect && !isUnknown) publication.status = "no";
  retry(draft, inFlight, error);
  if (publication.status === "yes") publication.dirty ??= { reason, dueTs: draft.now };
  if (isRefused) {
    giveUp(draft, refusalOf(error));
  } else if (isTransient(error)) {
    if (phase === "joining" && isExhausted(draft, "write")) giveUp(draft, requestFailed(error));
  } else if (isHopeless(draft, "write")) {
    if (phase === "joined") rejoin(draft, "not-renewed");
    else giveUp(draft, requestFailed(error));
  }
}

function refusalOf(cause: MatrixError): RtcError {
  if (cause.kind === "forbidden")
    return new RtcError("join-refused", "we may not send our membership to this room", { cause });
  if (cause.kind === "too-large")
    return new RtcError("bad-argument", "the membership is too large: application or transports", { cause });
  return new RtcError("unsupported", "the homeserver cannot carry our membership", { cause });
}

function onLeaveError(draft: Draft, inFlight: InFlight, error: MatrixError, { of }: Leave): void {
  const { leaving, joinCount, publication, isInRoom } = draft;
  if (leaving && !isInRoom) return awaitReturn(draft, leaving);
  retry(draft, inFlight, error);
  if (of !== joinCount) {
    if (!leaving?.failure && !isExhausted(draft, "leave") && !isHopeless(draft, "leave")) return;
    publication.hasGhost = true;
    forgetReplaced(draft, of);
  } else if (leaving?.failure) {
    end(draft);
  } else if (isExhausted(draft, "leave")) {
    end(draft, requestFailed(error));
  }
}

/** We are no longer in the room, where our membership still stands: we leave when we are back, unless it has expired then. */
function awaitReturn(draft: Draft, leaving: Leaving): void {
  const { firstSentTs, lifetimeMs } = draft.publication;
  draft.requests.retries = { ...draft.requests.retries, leave: { ...noRetries, notBeforeTs: Infinity } };
  draft.leaving = {
    ...leaving,
    hasTimedOut: leaving.hasTimedOut || leaving.failure !== undefined,
    endTs: Math.max(leaving.endTs, firstSentTs + lifetimeMs),
  };
}

function onDelegationRefused(draft: Draft, error: MatrixError, { joinCount }: Schedule | Delegate): void {
  if (draft.delayedLeave.delegate === "decided" || joinCount !== draft.joinCount) return;
  discardDelegation(draft);
  draft.delayedLeave.delegate = "decided";
  trace(draft, { kind: "delegation-refused", error: error.kind });
}

/**
 * Whether the delayed leave that fired has ended something: a membership of this instance, or a join without an answer. For
 * a sticky one it is always the instance: its leave outlasts a shorter membership under the same key.
 */
const hasEnded = (draft: Draft): boolean =>
  draft.phase === "joined" || draft.settings.kind === "sticky" || isWriteUnconfirmed(draft);
const isUsableDelay = (maxDelayMs: number | undefined, delayMs: number): maxDelayMs is number =>
  maxDelayMs !== undefined && maxDelayMs >= shortestDelayMs && maxDelayMs < delayMs;
