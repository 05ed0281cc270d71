// Moves: how our membership changes its phase. protocol.md 4.4, 4.7, 4.8.
import type { RtcError } from "../errors.ts";
import { armedLeave, type Settings } from "./facts.ts";
import type { LeaveReason } from "./options.ts";
import { contentOf } from "./request.ts";
import type { RejoinReason } from "./state.ts";
import type { LeaveCause, WriteReason } from "./trace.ts";
import { detach, forgetTxn, trace, type Turn } from "./turn.ts";

/** How long we wait for the first sight of ourselves before its absence counts (4.8). */
export const echoGraceMs = 10_000;

/** Of how many members that we replaced we say that they left. */
const maxAbandoned = 5;

/** While leaving, how long a request that stands in the way may still take. */
const leaveWaitMs = 2_000;

/** How long we go on trying to leave when nobody waits for it any more. */
export const lingerMs = 30_000;

const hourMs = 3_600_000;

/** How often a delayed leave is restarted: a server that shortens the delay makes it more often. */
export function restartEveryMs(settings: Settings, delayMs: number, delegated: boolean): number {
  return Math.min(delegated ? settings.delegatedLeaveRestartMs : settings.delayedLeaveRestartMs, (delayMs * 2) / 3);
}

/** The server holds our membership: by its answer, or because the room shows it. */
export function markWritten(turn: Turn, reason: WriteReason, by: "answer" | "sync"): void {
  const { facts, settings } = turn;
  const { writeTs, lifetimeMs } = facts;
  facts.written = "yes";
  facts.expiresTs = writeTs + lifetimeMs;
  facts.refreshTs = writeTs + Math.min(lifetimeMs, hourMs) - Math.min(settings.expiryHeadroomMs, lifetimeMs / 2);
  forgetTxn(facts, contentOf({ kind: "write", instance: facts.instance }));
  trace(turn, { kind: "membership-written", reason, by });
  if (facts.phase !== "joining" && facts.phase !== "rejoining") return;
  facts.phase = "joined";
  facts.joinedTs = writeTs;
  // Some servers cancel a delayed event when its state key is written: find out now, not in five seconds (4.6).
  if (facts.delayed.status === "armed") facts.delayed = { ...facts.delayed, restartTs: turn.now };
}

/** Our membership is over although we did not end it: a new instance takes its place. */
export function rejoin(turn: Turn, reason: RejoinReason): void {
  const { facts, settings, now } = turn;
  if (facts.phase === "leaving") return;
  const attempt = facts.echoed ? 1 : (facts.rejoin?.attempt ?? 0) + 1;
  trace(turn, { kind: "rejoining", reason, attempt });
  // Whoever is never shown may never be: try again, but ever more rarely.
  const waitMs = attempt === 1 ? 0 : Math.min(echoGraceMs * 2 ** (attempt - 2), 300_000);
  const isSticky = settings.kind === "sticky";
  const isShown = facts.own !== undefined;
  if (isSticky && isShown) facts.abandoned = [...facts.abandoned, facts.instance].slice(-maxAbandoned);
  facts.staleEventId = facts.own?.eventId;
  facts.own = undefined;
  facts.createdTs = undefined;
  if (facts.phase === "joined") facts.phase = "rejoining";
  facts.rejoin = { reason, attempt };
  facts.instance += 1;
  facts.written = isShown && !isSticky ? "maybe" : "no";
  facts.echoed = false;
  facts.missing = false;
  facts.dirty = undefined;
  facts.expiresTs = Infinity;
  facts.refreshTs = Infinity;
  cancelHandover(turn);
  facts.handover = "wanted";
  facts.notBefore = { schedule: now + waitMs, write: now + waitMs };
  facts.retryTs = {};
  facts.failures = {};
  const { delayed } = facts;
  if (delayed.status !== "armed") return;
  // A sticky member needs one of its own; the old one ends the old member. A state member's may live on: ask first.
  facts.delayed =
    isSticky || reason === "left-by-server" ? { status: "wanted" } : { ...delayed, leaveTs: now, restartTs: now };
}

/** Starts to leave. What is under way and harmless to give up is given up. */
export function leave(turn: Turn, cause: LeaveCause, reason?: LeaveReason, failure?: RtcError): void {
  const { facts, now } = turn;
  if (facts.phase === "leaving") return;
  trace(turn, { kind: "leave-started", cause });
  facts.phase = "leaving";
  cancelHandover(turn);
  facts.leaving = { sinceTs: now, cause, reason, failure, timedOut: false, sendFailed: false, keepGuard: false };
  facts.notBefore = {};
  facts.retryTs = {};
  facts.failures = {};
  facts.flights = facts.flights.flatMap((flight) => {
    const isDecisive = ["write", "leave", "schedule"].includes(flight.request.kind);
    if (!isDecisive) turn.effects.push({ kind: "abort", id: flight.id });
    return isDecisive ? [{ ...flight, overdueTs: Math.min(flight.overdueTs, now + leaveWaitMs) }] : [];
  });
}

/** A long delayed leave that nobody has taken would end whoever comes after us. */
function cancelHandover(turn: Turn): void {
  const { handover } = turn.facts;
  if (typeof handover === "object") detach(turn, { kind: "cancel", delayId: handover.delayId });
}

/** Gives up for good, with one attempt to leave. */
export function fail(turn: Turn, error: RtcError, reason?: LeaveReason): void {
  leave(turn, "failure", reason, error);
}

/** Ends the lifecycle. */
export function end(turn: Turn, error?: RtcError): void {
  const { facts } = turn;
  if (facts.over) return;
  facts.over = true;
  if (error && facts.leaving) facts.leaving = { ...facts.leaving, failure: error };
  const failure = facts.leaving?.failure;
  const confirmed = facts.written === "no";
  trace(turn, { kind: "leave-ended", confirmed, ...(failure ? { error: failure.code } : {}) });
}

/** Forgets a delayed leave that is gone. */
export function forget(turn: Turn, delayId: string): void {
  const { facts } = turn;
  if (facts.leftBehind === delayId) facts.leftBehind = undefined;
  if (armedLeave(facts)?.delayId === delayId) facts.delayed = { status: "wanted" };
}

/** A member that was replaced is known to have left. */
export function dropAbandoned({ facts }: Turn, instance: number): void {
  facts.abandoned = facts.abandoned.filter((one) => one !== instance);
}

/** The room has shown that we joined before the answer came: whatever it says, we are in. */
export const isShown = ({ facts }: Turn, reason: WriteReason): boolean =>
  facts.phase === "joined" && facts.echoed && (reason === "join" || reason === "rejoin");
