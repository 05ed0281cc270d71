// Phases: how our membership goes from one phase to the next. protocol.md 4.4, 4.7, 4.8.
import type { RtcError } from "../errors.ts";
import { armedLeave, type Draft, forgetTxn, sendAndForget, type Settings, trace } from "./model.ts";
import type { LeaveReason } from "./options.ts";
import { idempotencyKey, type WriteReason } from "./requests.ts";
import type { RejoinReason } from "./state.ts";
import type { LeaveCause } from "./trace.ts";

/** How long we wait for the room to show us for the first time before our absence counts (4.8). */
export const echoGraceMs = 10_000;

/** How many replaced instances of ours we still send a leave for. */
const maxReplaced = 5;

/** While leaving, we wait this long at most for a write or a delayed leave that is under way. */
const leaveWaitMs = 2_000;

/** How long a leave is retried after the caller has stopped waiting for it. */
export const leaveRetryMs = 30_000;

const hourMs = 3_600_000;

/** How often a delayed leave is restarted: more often if the server has shortened the delay. */
export function restartEveryMs({ timing }: Settings, delayMs: number, delegated: boolean): number {
  return Math.min(delegated ? timing.delegatedLeaveRestartMs : timing.delayedLeaveRestartMs, (delayMs * 2) / 3);
}

/** The server holds our membership: it has answered, or the room shows it. */
export function markPublished(draft: Draft, reason: WriteReason, by: "answer" | "sync"): void {
  const { state, settings, now } = draft;
  const { publication, delayedLeave } = state;
  const { sentTs, lifetimeMs } = publication;
  const { expiryHeadroomMs } = settings.timing;
  publication.status = "yes";
  publication.expiresTs = sentTs + lifetimeMs;
  publication.refreshTs = sentTs + Math.min(lifetimeMs, hourMs) - Math.min(expiryHeadroomMs, lifetimeMs / 2);
  forgetTxn(draft, idempotencyKey({ kind: "write", joinCount: state.joinCount }));
  trace(draft, { kind: "membership-written", reason, by });
  if (state.phase !== "joining" && state.phase !== "rejoining") return;
  state.phase = "joined";
  publication.joinedTs = sentTs;
  // Some servers cancel a delayed event when its state key is written: find out now, not in five seconds (4.6).
  if (delayedLeave.held.status === "armed") delayedLeave.held = { ...delayedLeave.held, restartTs: now };
}

/** Our membership has ended although we did not end it: joins again as a new instance. */
export function rejoin(draft: Draft, reason: RejoinReason): void {
  const { state, settings, now } = draft;
  const { delayedLeave, publication, presence, requests } = state;
  if (state.phase === "leaving") return;
  const attempt = presence.isEchoed ? 1 : (state.rejoin?.attempt ?? 0) + 1;
  trace(draft, { kind: "rejoining", reason, attempt });
  // If the room never shows us, it may never will: retry with growing waits.
  const waitMs = attempt === 1 ? 0 : Math.min(echoGraceMs * 2 ** (attempt - 2), 300_000);
  const isSticky = settings.kind === "sticky";
  const isVisible = presence.own !== undefined;
  if (isSticky && isVisible) publication.replaced = [...publication.replaced, state.joinCount].slice(-maxReplaced);
  if (state.phase === "joined") state.phase = "rejoining";
  state.rejoin = { reason, attempt };
  state.joinCount += 1;
  publication.status = isVisible && !isSticky ? "maybe" : "no";
  publication.dirty = undefined;
  publication.expiresTs = Infinity;
  publication.refreshTs = Infinity;
  presence.staleEventId = presence.own?.eventId;
  presence.own = undefined;
  presence.createdTs = undefined;
  presence.isEchoed = false;
  presence.isMissing = false;
  cancelDelegation(draft);
  delayedLeave.delegate = "wanted";
  requests.notBefore = { schedule: now + waitMs, write: now + waitMs };
  requests.retryTs = {};
  requests.failures = {};
  const { held } = delayedLeave;
  if (held.status !== "armed") return;
  // A new sticky member needs a delayed leave of its own. That of a state member may still be alive: ask first.
  delayedLeave.held =
    isSticky || reason === "left-by-server" ? { status: "wanted" } : { ...held, leaveTs: now, restartTs: now };
}

/** Starts to leave. Requests that are under way are aborted, unless their outcome decides how to leave. */
export function leave(draft: Draft, cause: LeaveCause, reason?: LeaveReason, failure?: RtcError): void {
  const { state, now } = draft;
  const { requests } = state;
  if (state.phase === "leaving") return;
  trace(draft, { kind: "leave-started", cause });
  state.phase = "leaving";
  cancelDelegation(draft);
  state.leaving = {
    sinceTs: now,
    cause,
    reason,
    failure,
    hasTimedOut: false,
    hasSendFailed: false,
    keepDelayedLeave: false,
  };
  requests.notBefore = {};
  requests.retryTs = {};
  requests.failures = {};
  requests.inFlight = requests.inFlight.flatMap((request) => {
    const isDecisive = ["write", "leave", "schedule"].includes(request.request.kind);
    if (!isDecisive) draft.effects.push({ kind: "abort", id: request.id });
    return isDecisive ? [{ ...request, timeoutTs: Math.min(request.timeoutTs, now + leaveWaitMs) }] : [];
  });
}

/** Cancels an hour-long delayed leave that was not delegated: it would end our next membership. */
function cancelDelegation(draft: Draft): void {
  const { delegate } = draft.state.delayedLeave;
  if (typeof delegate === "object") sendAndForget(draft, { kind: "cancel", delayId: delegate.delayId });
}

/** Gives up for good, with one attempt to leave. */
export function giveUp(draft: Draft, error: RtcError, reason?: LeaveReason): void {
  leave(draft, "failure", reason, error);
}

/** Ends the lifecycle. */
export function end(draft: Draft, error?: RtcError): void {
  const { state } = draft;
  if (state.isOver) return;
  state.isOver = true;
  if (error && state.leaving) state.leaving = { ...state.leaving, failure: error };
  const failure = state.leaving?.failure;
  const confirmed = state.publication.status === "no";
  trace(draft, { kind: "leave-ended", confirmed, ...(failure ? { error: failure.code } : {}) });
}

/** Forgets a delayed leave that is gone. */
export function forgetDelayedLeave({ state }: Draft, delayId: string): void {
  const { delayedLeave } = state;
  if (delayedLeave.inheritedDelayId === delayId) delayedLeave.inheritedDelayId = undefined;
  if (armedLeave(state)?.delayId === delayId) delayedLeave.held = { status: "wanted" };
}

/** A replaced instance is known to have left. */
export function forgetReplaced({ state: { publication } }: Draft, joinCount: number): void {
  publication.replaced = publication.replaced.filter((replaced) => replaced !== joinCount);
}

/** Whether the room has shown that we joined before the answer came: we are in, whatever the answer says. */
export const isConfirmedBySync = ({ state }: Draft, reason: WriteReason): boolean =>
  state.phase === "joined" && state.presence.isEchoed && (reason === "join" || reason === "rejoin");
