// Phases: how our membership goes from one phase to the next. protocol.md 4.4, 4.7, 4.8.
import { RtcError } from "../errors.ts";
import { jitter, resumeSpreadMs, retriesOf } from "./backoff.ts";
import { discardDelayedLeave, discardDelegation, loseDelayedLeave } from "./delayed-leave.ts";
import { type Draft, forgetWrite, trace } from "./draft.ts";
import { isUnanswered } from "./in-flight.ts";
import { type ArmedLeave, armedLeave, noRetries, type ReplacedMember, type Settings } from "./model.ts";
import type { LeaveReason } from "./options.ts";
import type { WriteReason } from "./requests.ts";
import type { RejoinReason } from "./join-state.ts";
import type { LeaveCause } from "./trace.ts";

/** How long we wait for the room to show us for the first time before our absence counts (4.8). */
export const echoGraceMs = 10_000;

/** How many replaced members of ours we still send a leave for. */
const maxReplaced = 5;

/** While leaving, we wait this long at most for a write or a delayed leave that is under way. */
const leaveWaitMs = 2_000;

/** How long a leave is retried after the caller has stopped waiting for it. */
const leaveRetryMs = 30_000;

/** After a lost delayed leave may have fired, its leave needs this time to arrive. */
const arrivalMs = 500;
/** A re-join waits for lost delayed leaves to fire if that takes no longer than this. */
const longestFireWaitMs = 4_000;

const hourMs = 3_600_000;

/** How often a delayed leave is restarted: more often if the server has shortened the delay. */
export function restartEveryMs({ timing }: Settings, delayMs: number, delegated: boolean): number {
  return Math.min(delegated ? timing.delegatedLeaveRestartMs : timing.delayedLeaveRestartMs, (delayMs * 2) / 3);
}

/** The server holds our membership: it has answered, or the room shows it. */
export function markPublished(draft: Draft, reason: WriteReason, by: "answer" | "sync"): void {
  const { publication, delayedLeave, settings, now } = draft;
  const { firstSentTs, lifetimeMs } = publication;
  const renewMs = Math.min(lifetimeMs, hourMs);
  publication.status = "yes";
  publication.expiresTs = firstSentTs + lifetimeMs;
  publication.refreshTs = firstSentTs + renewMs - Math.min(settings.timing.expiryHeadroomMs, renewMs / 2);
  forgetWrite(draft);
  trace(draft, { kind: "membership-written", reason, by });
  if (draft.phase !== "joining" && draft.phase !== "rejoining") return;
  draft.phase = "joined";
  publication.joinedTs = publication.sentTs;
  // Some servers cancel a delayed event when its state key is written: find out now, not in five seconds (4.6).
  if (delayedLeave.held.status === "armed") delayedLeave.held = { ...delayedLeave.held, restartTs: now };
}

/** Our membership has ended although we did not end it: joins again as a new instance. */
export function rejoin(draft: Draft, reason: RejoinReason): void {
  const { delayedLeave, publication, presence, requests, settings, now } = draft;
  if (draft.phase === "leaving") return;
  const attempt = presence.isEchoed ? 1 : (draft.rejoin?.attempt ?? 0) + 1;
  trace(draft, { kind: "rejoining", reason, attempt });
  const isSticky = settings.kind === "sticky";
  // The room shows us, or would show us if it counted our event.
  const isVisible = presence.own !== undefined || presence.standing !== undefined;
  // A member that the room has not shown yet may still show up, beside the one that replaces it. So may one whose write is
  // under way.
  const isHidden = publication.status !== "no" && !presence.isEchoed;
  const mayShowUp = isHidden || isUnanswered(requests, "write");
  if (isSticky && (isVisible || mayShowUp)) markReplaced(draft, draft.joinCount);
  if (draft.phase === "joined") draft.phase = "rejoining";
  draft.rejoin = { reason, attempt };
  draft.joinCount += 1;
  const remains = isVisible ? "maybe" : mayShowUp ? "earlier" : "no";
  publication.status = isSticky ? "no" : remains;
  publication.dirty = undefined;
  publication.moved = undefined;
  publication.expiresTs = Infinity;
  publication.refreshTs = Infinity;
  publication.eventId = undefined;
  presence.staleEventId = presence.own?.eventId ?? presence.standing?.eventId;
  presence.own = undefined;
  presence.createdTs = undefined;
  presence.isEchoed = false;
  discardDelegation(draft);
  delayedLeave.delegate = "wanted";
  askForDelayedLeave(draft);
  const spreadTs = now + (wasCutOff(draft) ? jitter(draft, resumeSpreadMs) : 0);
  const waitTs = Math.max(spreadTs, now + rejoinWaitMs(draft, attempt));
  const wait = { ...noRetries, notBeforeTs: waitTs };
  requests.retries = { schedule: wait, write: wait, cancel: { ...noRetries, notBeforeTs: spreadTs } };
}

/** Whether the server did not answer. Then its other clients may join again at this moment, too. */
const wasCutOff = ({ requests, presence }: Draft): boolean =>
  presence.probablyLeft || requests.timedOut.length > 0 || retriesOf(requests, "restart").failures > 0;

/** A re-join needs a delayed leave that is alive. */
function askForDelayedLeave(draft: Draft): void {
  const { settings, now } = draft;
  const { held } = draft.delayedLeave;
  if (held.status !== "armed") return;
  if (now >= held.leaveTs) {
    // It was due: the server has sent it. Unless a restart without an answer has prolonged it, and another one was sent.
    if (settings.kind === "state") discardDelayedLeave(draft, held.delayId, held.delayMs);
    return loseDelayedLeave(draft, retriesOf(draft.requests, "restart").unknowns > 0);
  }
  // That of a state member may still be alive: ask first. A new sticky member needs one of its own.
  if (settings.kind === "state") draft.delayedLeave.held = { ...held, restartTs: now, doubtTs: now };
  else if (held.isSent) loseDelayedLeave(draft, false);
  else draft.delayedLeave.held = { status: "wanted" };
}

/** A restart was answered, although the room has shown that the delayed leave was sent: the answer is not true. */
export function onFalseRestart(draft: Draft, armed: ArmedLeave): void {
  const { settings } = draft;
  loseDelayedLeave(draft, false);
  if (settings.kind === "state") discardDelayedLeave(draft, armed.delayId, armed.delayMs);
  else if (draft.phase !== "joined") rejoin(draft, "left-by-server");
}

/**
 * While we are not in the call, no answer about a delayed leave that was due may hold up our write. The server may have
 * taken a restart that we have no answer to, and may send the leave later: it is cancelled, or ends an instance that is gone.
 */
export function replaceDueLeave(draft: Draft): void {
  const { settings, now } = draft;
  const armed = armedLeave(draft);
  if (!armed || now < armed.leaveTs) return;
  loseDelayedLeave(draft, false);
  if (settings.kind === "sticky") rejoin(draft, "left-by-server");
  else discardDelayedLeave(draft, armed.delayId, armed.delayMs);
}

function rejoinWaitMs({ delayedLeave, now }: Draft, attempt: number): number {
  // If the room never shows us, it may never will: retry with growing waits.
  const waitMs = attempt === 1 ? 0 : Math.min(echoGraceMs * 2 ** (attempt - 2), 300_000);
  const { held, mayFireUntilTs } = delayedLeave;
  const fireMs = mayFireUntilTs + arrivalMs - now;
  // Delayed leaves that the server denies may end what we write now.
  const isWorthWaiting = held.status === "unsupported" && mayFireUntilTs > now && fireMs <= longestFireWaitMs;
  return isWorthWaiting ? Math.max(waitMs, fireMs) : waitMs;
}

/** Starts to leave. Requests that are under way are aborted, unless their outcome decides how to leave. */
export function leave(draft: Draft, cause: LeaveCause, reason?: LeaveReason, failure?: RtcError): void {
  const { requests, now } = draft;
  if (draft.phase === "leaving") return;
  trace(draft, { kind: "leave-started", cause });
  draft.phase = "leaving";
  discardDelegation(draft);
  draft.leaving = {
    sinceTs: now,
    endTs: now + leaveRetryMs,
    cause,
    reason,
    failure,
    hasTimedOut: false,
    hasSendFailed: false,
    keepDelayedLeave: false,
  };
  requests.retries = {};
  requests.inFlight = requests.inFlight.flatMap((request) => {
    const isNeeded = request.lane === "cleanup" || ["write", "leave", "schedule"].includes(request.request.kind);
    if (!isNeeded) draft.effects.push({ kind: "abort", id: request.id });
    return isNeeded ? [{ ...request, timeoutTs: Math.min(request.timeoutTs, now + leaveWaitMs) }] : [];
  });
}

/** Gives up for good, with one attempt to leave. */
export function giveUp(draft: Draft, error: RtcError, reason?: LeaveReason): void {
  leave(draft, "failure", reason, error);
}

/** Ends the lifecycle. */
export function end(draft: Draft, error?: RtcError): void {
  if (draft.isOver) return;
  draft.isOver = true;
  if (error && draft.leaving) draft.leaving = { ...draft.leaving, failure: draft.leaving.failure ?? error };
  const failure = draft.leaving?.failure;
  const { status, hasGhost, replaced } = draft.publication;
  const confirmed = status === "no" && !hasGhost && replaced.length === 0;
  trace(draft, { kind: "leave-ended", confirmed, ...(failure ? { error: failure.code } : {}) });
}

/** The error of a leave that takes too long. */
export const leaveTimeout = (): RtcError => new RtcError("leave-timeout", "the leave was not confirmed in time");

/** A member of ours has been replaced, and has to be removed from the room. */
export function markReplaced({ publication }: Draft, member: ReplacedMember): void {
  if (publication.replaced.includes(member)) return;
  publication.replaced = [...publication.replaced, member].slice(-maxReplaced);
}

/** A replaced member is known to have left, or cannot be removed. */
export function forgetReplaced({ publication }: Draft, member: ReplacedMember): void {
  publication.replaced = publication.replaced.filter((replaced) => replaced !== member);
}

/** Whether the room has shown that we joined before the answer came: we are in, whatever the answer says. */
export const isConfirmedBySync = (draft: Draft, reason: WriteReason): boolean =>
  draft.phase === "joined" && draft.presence.isEchoed && (reason === "join" || reason === "rejoin");
