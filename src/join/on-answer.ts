// On answer: what an answer of the homeserver changes. protocol.md 4.2, 4.7.
import { isTransient, jitter, resetFailures, retriesOf } from "./backoff.ts";
import { discardDelayedLeave, forgetDelayedLeave, goUnprotected } from "./delayed-leave.ts";
import { noteClockOffset } from "./clock-offset.ts";
import { stopListening, stopListeningToEarlier, stopWaiting } from "./in-flight.ts";
import { type Draft, forgetTxn, trace } from "./draft.ts";
import { armedLeave } from "./model.ts";
import { onError, shortestDelayMs } from "./on-error.ts";
import { forgetReplaced, isConfirmedBySync, markPublished, onFalseRestart, restartEveryMs } from "./phases.ts";
import { type Answer, idempotencyKey, type InFlight, type Request } from "./requests.ts";

/**
 * Applies an answer to the state. A late answer counts like one in time, unless it is trouble that passes: the request was
 * repeated already. The table of `onError` says what errors mean.
 */
export function onAnswer(draft: Draft, inFlight: InFlight, answer: Answer, isLate: boolean): void {
  const { kind } = inFlight.request;
  const { requests } = draft;
  if (isLate) trace(draft, { kind: "late-answer", request: kind, ok: answer.ok });
  if (answer.ok) {
    const hadFailed = retriesOf(requests, kind).failures > 0;
    resetFailures(draft, kind);
    return onSuccess(draft, inFlight, answer.value, hadFailed);
  }
  const { error } = answer;
  if (isLate && isTransient(error)) return;
  const attempt = retriesOf(requests, kind).failures + 1;
  trace(draft, { kind: "request-failed", request: kind, error: error.kind, attempt });
  onError(draft, inFlight, error);
}

function onSuccess(draft: Draft, inFlight: InFlight, value: unknown, hadFailed: boolean): void {
  const { delayedLeave, publication, slot } = draft;
  const { request, sentTs } = inFlight;
  switch (request.kind) {
    case "capability":
      return onLimits(draft, value as false | { readonly maxDelayMs?: number });
    case "open-slot":
      slot.status = "open";
      slot.isAsked = true;
      return;
    case "schedule":
      return onScheduled(draft, request, sentTs, value as string);
    case "restart":
      return onRestarted(draft, request.delayId, sentTs, hadFailed);
    case "write":
      return onWritten(draft, inFlight, request, value);
    case "send":
      delayedLeave.held = { status: "none" };
      // Out of the room, the server drops it and answers all the same.
      if (draft.isInRoom) publication.status = "no";
      return;
    case "leave":
      forgetTxn(draft, idempotencyKey(request));
      if (request.of === draft.joinCount) publication.status = "no";
      return forgetReplaced(draft, request.of);
    case "cancel":
      return forgetDelayedLeave(draft, request.delayId);
    case "delegate":
      return onDelegated(draft, request);
  }
}

function onLimits(draft: Draft, limits: false | { readonly maxDelayMs?: number }): void {
  const { delayedLeave } = draft;
  if (delayedLeave.held.status !== "unknown") return;
  const maxDelayMs = limits === false ? 0 : (limits.maxDelayMs ?? Infinity);
  delayedLeave.held = { status: "wanted" };
  if (maxDelayMs >= delayedLeave.delayMs) return;
  if (maxDelayMs < shortestDelayMs) return goUnprotected(draft, "capability", true);
  delayedLeave.delayMs = maxDelayMs;
}

function onScheduled(
  draft: Draft,
  request: Extract<Request, { kind: "schedule" }>,
  sentTs: number,
  delayId: string,
): void {
  const { delayedLeave, settings } = draft;
  const { delayMs, delegated } = request;
  const leaveTs = sentTs + delayMs;
  forgetTxn(draft, idempotencyKey(request));
  // Another try of the same may bring a second one. It need not hold up restarts of this one.
  stopWaiting(draft, (other) => other.kind === "schedule" && other.delegated === delegated);
  // The delayed leave of a replaced sticky member ends that member when it is sent.
  if (settings.kind === "sticky" && request.joinCount !== draft.joinCount) return;
  if (delegated && delayedLeave.delegate === "wanted" && draft.phase === "joined") {
    delayedLeave.delegate = { delayId, leaveTs };
    return;
  }
  if (delegated || delayedLeave.held.status === "armed") {
    trace(draft, { kind: "delayed-leave-duplicate" });
    return discardDelayedLeave(draft, delayId, delayMs);
  }
  const restartTs = sentTs + restartEveryMs(settings, delayMs, false);
  delayedLeave.held = { ...newlyArmed(sentTs), delayId, delayMs, leaveTs, restartTs, delegated };
  trace(draft, { kind: "delayed-leave-armed", delayMs, delegated });
}

const newlyArmed = (sinceTs: number) =>
  ({ status: "armed", sinceTs, doubtTs: undefined, isSent: false, isMissed: false }) as const;

function onRestarted(draft: Draft, delayId: string, sentTs: number, hadFailed: boolean): void {
  const { delayedLeave, settings } = draft;
  const armed = armedLeave(draft);
  if (armed?.delayId !== delayId) return;
  stopListeningToEarlier(draft, "restart", sentTs);
  if (armed.isSent) return onFalseRestart(draft, armed);
  const { delayMs, delegated, doubtTs } = armed;
  const isDoubtOver = doubtTs !== undefined && (draft.phase !== "joined" || sentTs >= doubtTs);
  if (isDoubtOver && draft.phase === "joined") shiftTimes(draft, doubtTs - armed.leaveTs);
  const everyMs = restartEveryMs(settings, delayMs, delegated);
  // A server that answers without restarting sends it when it was due at first. That must have been seen by now.
  if (delayedLeave.liedCount === 0 || sentTs >= armed.sinceTs + 2 * delayMs) {
    delayedLeave.lostCount = 0;
    delayedLeave.liedCount = 0;
  }
  delayedLeave.held = {
    ...armed,
    leaveTs: Math.max(armed.leaveTs, sentTs + delayMs),
    restartTs: sentTs + everyMs - (hadFailed ? jitter(draft, everyMs) : 0),
    doubtTs: isDoubtOver ? undefined : doubtTs,
    isMissed: false,
  };
}

/**
 * The clock has jumped past the time of our delayed leave, which is still alive. So it was the clock that was set forward,
 * at least that far, and not we who slept: what was to happen at a time happens that much later.
 */
function shiftTimes({ publication }: Draft, ms: number): void {
  if (ms <= 0) return;
  publication.sentTs += ms;
  publication.firstSentTs += ms;
  publication.eventSentTs += ms;
  publication.joinedTs += ms;
  publication.expiresTs += ms;
  publication.refreshTs += ms;
  if (publication.dirty) publication.dirty = { ...publication.dirty, dueTs: publication.dirty.dueTs + ms };
}

function onWritten(
  draft: Draft,
  { sentTs }: InFlight,
  { joinCount, txn, reason }: Extract<Request, { kind: "write" }>,
  eventId: unknown,
): void {
  const { presence, publication, requests, now } = draft;
  if (joinCount !== draft.joinCount) return;
  stopListeningToEarlier(draft, "write", sentTs);
  // Other tries of the same content are answered too, and need not be repeated.
  if (requests.txns[idempotencyKey({ kind: "write", joinCount })] === txn) {
    const isSame = (request: Request) => request.kind === "write" && request.txn === txn;
    stopWaiting(draft, isSame);
    stopListening(draft, ({ request }) => isSame(request));
    publication.dirty = undefined;
  }
  if (typeof eventId === "string") publication.eventId = eventId;
  const isConfirmed = isConfirmedBySync(draft, reason);
  // What the room has shown was an earlier event of ours.
  if (isConfirmed && typeof eventId === "string" && presence.own && presence.own.eventId !== eventId) {
    presence.isEchoed = false;
    presence.createdTs = undefined;
    publication.moved = undefined;
  }
  publication.eventSentTs = Math.min(sentTs, publication.firstSentTs);
  publication.answeredTs = now;
  noteClockOffset(draft);
  if (!isConfirmed) markPublished(draft, reason, "answer");
}

function onDelegated(draft: Draft, { delayId, delayMs }: Extract<Request, { kind: "delegate" }>): void {
  const { delayedLeave, settings, now } = draft;
  const { delegate } = delayedLeave;
  if (typeof delegate === "string" || delegate.delayId !== delayId) return;
  const before = armedLeave(draft);
  if (before) discardDelayedLeave(draft, before.delayId, before.delayMs);
  const restartTs = now + restartEveryMs(settings, delayMs, true);
  const { leaveTs } = delegate;
  delayedLeave.held = { ...newlyArmed(leaveTs - delayMs), delayId, delayMs, leaveTs, restartTs, delegated: true };
  delayedLeave.delegate = "decided";
  trace(draft, { kind: "delayed-leave-armed", delayMs, delegated: true });
}
