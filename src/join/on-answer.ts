// On answer: what an answer of the homeserver changes. protocol.md 4.2, 4.7.
import { isGone } from "./backoff.ts";
import { armedLeave, type Draft, forgetTxn, sendAndForget, trace } from "./model.ts";
import { onError, shortestDelayMs, unsupported } from "./on-error.ts";
import { forgetDelayedLeave, forgetReplaced, isConfirmedBySync, markPublished, restartEveryMs } from "./phases.ts";
import { type Answer, idempotencyKey, type InFlight, type Request, type RequestKind } from "./requests.ts";

/**
 * Applies an answer to the state. A late answer counts like one in time if it is a success or the end of a delay id. Any
 * other late answer is ignored: the request was given up before. The table of `onError` says what errors mean.
 */
export function onAnswer(draft: Draft, inFlight: InFlight, answer: Answer, isLate: boolean): void {
  const { kind } = inFlight.request;
  const { requests } = draft.state;
  if (isLate) trace(draft, { kind: "late-answer", request: kind, ok: answer.ok });
  if (answer.ok) {
    if (requests.failures[kind]) requests.failures = { ...requests.failures, [kind]: 0 };
    onSuccess(draft, inFlight, answer.value);
  } else if (!isLate) {
    const attempt = (requests.failures[kind] ?? 0) + 1;
    trace(draft, { kind: "request-failed", request: kind, error: answer.error.kind, attempt });
    onError(draft, inFlight, answer.error);
  } else if (kind === "restart" && isGone(answer.error)) {
    onError(draft, inFlight, answer.error);
  }
}

function onSuccess(draft: Draft, inFlight: InFlight, value: unknown): void {
  const { state } = draft;
  const { delayedLeave, publication, slot } = state;
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
      return onRestarted(draft, request.delayId, sentTs);
    case "write":
      if (request.joinCount !== state.joinCount) return;
      dropTimedOut(draft, "write", sentTs);
      return isConfirmedBySync(draft, request.reason) ? undefined : markPublished(draft, request.reason, "answer");
    case "send":
      publication.status = "no";
      delayedLeave.held = { status: "wanted" };
      return;
    case "leave":
      forgetTxn(draft, idempotencyKey(request));
      if (request.joinCount === state.joinCount) publication.status = "no";
      return forgetReplaced(draft, request.joinCount);
    case "cancel":
      return forgetDelayedLeave(draft, request.delayId);
    case "delegate":
      return onDelegated(draft, request);
  }
}

function onLimits(draft: Draft, limits: false | { readonly maxDelayMs?: number }): void {
  const { delayedLeave } = draft.state;
  if (delayedLeave.held.status !== "unknown") return;
  const maxDelayMs = limits === false ? 0 : (limits.maxDelayMs ?? Infinity);
  delayedLeave.held = { status: "wanted" };
  if (maxDelayMs >= delayedLeave.delayMs) return;
  if (maxDelayMs < shortestDelayMs) return unsupported(draft, "capability");
  delayedLeave.delayMs = maxDelayMs;
}

function onScheduled(
  draft: Draft,
  request: Extract<Request, { kind: "schedule" }>,
  sentTs: number,
  delayId: string,
): void {
  const { settings, state } = draft;
  const { delayedLeave } = state;
  const { delayMs, delegated } = request;
  forgetTxn(draft, idempotencyKey(request));
  // The delayed leave of a replaced sticky member ends that member when it fires.
  if (settings.kind === "sticky" && request.joinCount !== state.joinCount) return;
  if (delegated && delayedLeave.delegate === "wanted" && state.phase === "joined") {
    delayedLeave.delegate = { delayId, leaveTs: sentTs + delayMs };
    return;
  }
  if (delegated || delayedLeave.held.status === "armed") {
    trace(draft, { kind: "delayed-leave-duplicate" });
    return sendAndForget(draft, { kind: "cancel", delayId });
  }
  const restartTs = sentTs + restartEveryMs(settings, delayMs, false);
  delayedLeave.held = { status: "armed", delayId, delayMs, leaveTs: sentTs + delayMs, restartTs, delegated };
  trace(draft, { kind: "delayed-leave-armed", delayMs, delegated });
}

function onRestarted(draft: Draft, delayId: string, sentTs: number): void {
  const armed = armedLeave(draft.state);
  if (armed?.delayId !== delayId) return;
  dropTimedOut(draft, "restart", sentTs);
  draft.state.delayedLeave.held = {
    ...armed,
    leaveTs: Math.max(armed.leaveTs, sentTs + armed.delayMs),
    restartTs: sentTs + restartEveryMs(draft.settings, armed.delayMs, armed.delegated),
  };
}

function onDelegated(draft: Draft, { delayId, delayMs }: Extract<Request, { kind: "delegate" }>): void {
  const { settings, state, now } = draft;
  const { delayedLeave } = state;
  const { delegate } = delayedLeave;
  if (typeof delegate === "string" || delegate.delayId !== delayId) return;
  const before = armedLeave(state);
  if (before) sendAndForget(draft, { kind: "cancel", delayId: before.delayId });
  const restartTs = now + restartEveryMs(settings, delayMs, true);
  delayedLeave.held = { status: "armed", delayId, delayMs, leaveTs: delegate.leaveTs, restartTs, delegated: true };
  delayedLeave.delegate = "refused";
  trace(draft, { kind: "delayed-leave-armed", delayMs, delegated: true });
}

/** A newer request of this kind was answered: answers to earlier ones have nothing to add. */
function dropTimedOut(draft: Draft, kind: RequestKind, beforeTs: number): void {
  const { requests } = draft.state;
  if (requests.timedOut.length === 0) return;
  const isOld = ({ request, sentTs }: InFlight) => request.kind === kind && sentTs < beforeTs;
  for (const { id } of requests.timedOut.filter(isOld)) draft.effects.push({ kind: "abort", id });
  requests.timedOut = requests.timedOut.filter((inFlight) => !isOld(inFlight));
}
