// Delayed leave: what happens to the one that the server holds for us. protocol.md 4.2, 4.4, 6.4.
import { stopWaiting } from "./in-flight.ts";
import { type Draft, forgetWrite, trace } from "./draft.ts";
import { armedLeave, type ObsoleteLeave } from "./model.ts";
import type { JoinTrace } from "./trace.ts";

/** A server that has delayed events and refuses us one is asked again after this time. */
const unsupportedRetryMs = 600_000;
/** After this many that were lost without an answered restart, restarts do not work. */
const maxLost = 2;
/** How many unwanted ones we remember. */
const maxObsolete = 10;

type UnsupportedError = Extract<JoinTrace, { kind: "delayed-leave-unsupported" }>["error"];

/** Goes on without a delayed leave: for good, or until `retryTs`. */
export function goUnprotected(draft: Draft, error: UnsupportedError, isForGood: boolean): void {
  const { delayedLeave, publication, settings, now } = draft;
  const wasUnsupported = delayedLeave.held.status === "unsupported";
  delayedLeave.held = { status: "unsupported", retryTs: isForGood ? Infinity : now + unsupportedRetryMs };
  if (wasUnsupported) return;
  trace(draft, { kind: "delayed-leave-unsupported", error });
  if (draft.phase !== "joined" || settings.kind === "sticky") return;
  // Now only our expiry would end us: bring it closer. A sticky duration must not change within a key (3.1).
  publication.dirty = { reason: "refresh", dueTs: now };
  forgetWrite(draft);
}

/**
 * The delayed leave is gone although we have not ended it. A new one is wanted, unless several in a row were lost and no
 * restart was answered: then each new one would only throw us out once more. `isProof`: the server has refused restarts,
 * and not only failed to answer them.
 */
export function loseDelayedLeave(draft: Draft, isProof: boolean): void {
  const { delayedLeave } = draft;
  const armed = armedLeave(draft);
  if (!armed) return;
  // Another one is wanted: a restart of this one must not hold that up.
  stopWaiting(draft, ({ kind }) => kind === "restart");
  delayedLeave.held = { status: "wanted" };
  if (!armed.isSent) delayedLeave.mayFireUntilTs = Math.max(delayedLeave.mayFireUntilTs, armed.leaveTs);
  // A server that has restarted it, and lost it before it was due at first, takes restarts.
  const firstDueTs = armed.sinceTs + armed.delayMs;
  if (armed.isMissed || (armed.leaveTs > firstDueTs && draft.now < firstDueTs)) return;
  // A server that denies restarts and one that lies about them are two: one of each proves neither.
  const isLie = armed.isSent && draft.now < armed.leaveTs;
  const count = (delayedLeave[isLie ? "liedCount" : "lostCount"] += 1);
  if (count >= maxLost) goUnprotected(draft, "not-restarted", isProof);
}

/**
 * A delayed leave is no longer wanted: it is cancelled, again and again while it could still be sent. Restarts without an
 * answer may have prolonged it.
 */
export function discardDelayedLeave({ delayedLeave, now }: Draft, delayId: string, delayMs: number): void {
  const obsolete: ObsoleteLeave = { delayId, untilTs: now + delayMs };
  delayedLeave.obsolete = [...delayedLeave.obsolete, obsolete].slice(-maxObsolete);
}

/** Forgets a delayed leave that is gone. */
export function forgetDelayedLeave(draft: Draft, delayId: string): void {
  const { delayedLeave } = draft;
  delayedLeave.obsolete = delayedLeave.obsolete.filter((obsolete) => obsolete.delayId !== delayId);
  if (armedLeave(draft)?.delayId === delayId) delayedLeave.held = { status: "none" };
}

/** An hour-long delayed leave that was not delegated would end our next membership. */
export function discardDelegation(draft: Draft): void {
  const { delegate } = draft.delayedLeave;
  const { delegatedLeaveMs } = draft.settings.timing;
  if (typeof delegate === "object") discardDelayedLeave(draft, delegate.delayId, delegatedLeaveMs);
}
