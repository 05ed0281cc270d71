// Lifecycle: one step of our own membership, from an input to what has to be done, and when the next is due. protocol.md 4.2-4.8.
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import type { Step } from "../rx/machine.ts";
import { type Draft, draftOf, type Effect, forgetWrite, type Input, isWriteUnconfirmed, trace } from "./draft.ts";
import { armedLeave, conditionMs, type Leaving, type LifecycleState, type ReplacedMember } from "./model.ts";
import { nextTryTs } from "./backoff.ts";
import { isUnderWay, stopListening, stopWaiting } from "./in-flight.ts";
import { onAnswer } from "./on-answer.ts";
import { isHiddenBySlot, markStrayLeft, onInput } from "./on-input.ts";
import { echoGraceMs, end, giveUp, leaveTimeout, rejoin, replaceDueLeave } from "./phases.ts";
import { isAmbiguous, isExtra, plan, type Planned } from "./plan.ts";
import { idempotencyKey, type InFlight, type Request, type RequestKind } from "./requests.ts";
import { availableTs, spend } from "./token-bucket.ts";

/** After this time, late answers are ignored. */
const longestRequestMs = 30_000;
/** A step that comes later than this has missed its time: we have slept, or the clock was set forward. */
const jumpMs = 5_000;
/** The same if the delayed leave came due meanwhile. A busy page is late, too. */
const missMs = 250;

/** What a step has to know of the clocks, beside the time. */
export interface StepTimes {
  /** How far the clock of intervals, by which `now` goes, is ahead of the wall clock. */
  readonly aheadMs: number;
  /** When this step was due at the latest, if it is the first since the clock was asked. */
  readonly dueTs: number;
}

/**
 * One step: apply the input, let the clock do its part, then ask for everything that has become possible.
 *
 * | phase | what happens | next phase |
 * |---|---|---|
 * | joining | capability, then a delayed leave, then the write that joins | |
 * | joining | the write is answered, or the room shows us | joined |
 * | joining | refused, or too many failures | leaving, then an error |
 * | joined | restart at once, then every `delayedLeaveRestartMs`; refresh, updates: only with a live delayed leave | |
 * | joined | media keys that others do not send again: an update, by which they see us join again | |
 * | joined | restart answered 404 or 409 before its time: schedule another | |
 * | joined | the same after its time: the server has sent our leave | rejoining |
 * | joined | the room stops to show us; our membership expires; it cannot be renewed | rejoining |
 * | rejoining | like joining, as a new instance; network trouble never ends it | joined |
 * | any | the caller leaves, or an error ends the join | leaving |
 * | leaving | see `planLeave`: confirmed by an answer, or because the room stops to show us | over |
 *
 * `onInput` says what an input changes, `onAnswer` what an answer changes, `plan` what is asked for next.
 */
export function lifecycle(
  before: LifecycleState,
  input: Input,
  now: number,
  { aheadMs, dueTs }: StepTimes,
): Step<LifecycleState, Effect> {
  if (before.isOver) return { state: before, effects: [] };
  const draft = draftOf(before, now, aheadMs);
  onInput(draft, input);
  onClock(draft, dueTs);
  for (let next = plan(draft); next; next = plan(draft)) {
    if (next === "end") end(draft);
    else send(draft, next);
  }
  return { state: draft, effects: draft.effects };
}

/** When something next becomes due by the clock alone. */
export function nextDueTs(state: LifecycleState, now: number): number {
  const { delayedLeave, publication, presence, requests, slot, leaving } = state;
  const { held, obsolete } = delayedLeave;
  const { dirty, joinedTs } = publication;
  let dueTs = Infinity;
  const consider = (ts: number) => {
    if (ts > now && ts < dueTs) dueTs = ts;
  };
  for (const { timeoutTs } of requests.inFlight) consider(timeoutTs);
  for (const { sentTs } of requests.timedOut) consider(sentTs + longestRequestMs);
  for (const kind in requests.retries) consider(nextTryTs(requests, kind as RequestKind));
  for (const { untilTs } of obsolete) consider(untilTs);
  if (obsolete.length > 0) consider(delayedLeave.waitUntilTs);
  if (held.status === "armed") {
    consider(held.restartTs);
    consider(held.leaveTs);
  } else if (held.status === "unsupported") {
    consider(held.retryTs);
  }
  if (slot.waitUntilTs < Infinity && !slot.isAsked) consider(slot.waitUntilTs);
  consider(publication.refreshTs);
  consider(publication.expiresTs);
  consider(availableTs(publication.budgetTs));
  if (dirty) consider(dirty.dueTs);
  if (dirty || presence.isMissing) consider(joinedTs + echoGraceMs);
  if (leaving) {
    consider(leaving.sinceTs + state.settings.timing.leaveTimeoutMs);
    consider(leaving.endTs);
  }
  return state.isOver ? Infinity : dueTs;
}

/** What the clock alone changes. */
function onClock(draft: Draft, dueTs: number): void {
  const { delayedLeave, publication, requests, settings, now } = draft;
  // A membership that has expired is not sent again: the server would take it for the one before.
  if (now >= publication.firstSentTs + publication.lifetimeMs) forgetWrite(draft);
  for (const inFlight of requests.inFlight) if (now >= inFlight.timeoutTs) onTimeout(draft, inFlight);
  stopListening(draft, ({ sentTs }) => now >= sentTs + longestRequestMs);
  if (now - dueTs > missMs) onLateStep(draft, dueTs);
  if (delayedLeave.obsolete.length > 0) {
    delayedLeave.obsolete = delayedLeave.obsolete.filter(({ untilTs }) => untilTs > now);
  }
  if (isHiddenBySlot(draft) && (!settings.openSlot || draft.slot.isAsked)) {
    giveUp(draft, new RtcError("join-refused", "the slot is closed"), { code: "slot_closed" });
  }
  if (draft.leaving) onLeaveClock(draft, draft.leaving);
  if (draft.phase === "joined") return onJoinedClock(draft);
  draft.presence.probablyLeft = false;
  if (!draft.leaving && !isUnderWay(requests, "restart")) replaceDueLeave(draft);
}

function onJoinedClock(draft: Draft): void {
  const { publication, presence, now } = draft;
  const armed = armedLeave(draft);
  // The answer of a restart comes first: it shows whether we have slept or only the clock was set.
  if (armed?.doubtTs !== undefined) return;
  if (presence.isMissing && (presence.isEchoed || now >= publication.joinedTs + echoGraceMs)) {
    rejoin(draft, "vanished");
  } else if (now >= publication.expiresTs) {
    rejoin(draft, "expired");
  }
  const probablyLeft = draft.phase === "joined" && armed !== undefined && now >= armed.leaveTs;
  if (probablyLeft && !presence.probablyLeft) trace(draft, { kind: "probably-left" });
  presence.probablyLeft = probablyLeft;
}

function onLeaveClock(draft: Draft, leaving: Leaving): void {
  const { settings, now } = draft;
  const hasTimedOut = now >= leaving.sinceTs + settings.timing.leaveTimeoutMs;
  if (hasTimedOut && !leaving.hasTimedOut) draft.leaving = { ...leaving, hasTimedOut };
  if (now >= leaving.endTs) end(draft, leaveTimeout());
}

/** This step comes later than it was due. Either we have slept, or the clock was set forward: ask the server first. */
function onLateStep(draft: Draft, dueTs: number): void {
  const { now } = draft;
  const armed = armedLeave(draft);
  const isJump = now - dueTs > jumpMs;
  if (isJump && draft.leaving) {
    const { sinceTs, endTs } = draft.leaving;
    draft.leaving = { ...draft.leaving, sinceTs: sinceTs + now - dueTs, endTs: endTs + now - dueTs };
  }
  if (!armed || armed.leaveTs <= dueTs) return;
  const isMissed = armed.isMissed || now >= armed.leaveTs;
  const isDoubtful = (isJump || isMissed) && draft.phase === "joined" && !draft.requests.isPaused;
  draft.delayedLeave.held = { ...armed, isMissed, ...(isDoubtful && { restartTs: now, doubtTs: now }) };
}

/** We stop waiting for an answer, and keep listening for it. */
function onTimeout(draft: Draft, inFlight: InFlight): void {
  stopWaiting(draft, (request) => request === inFlight.request);
  onAnswer(draft, inFlight, { ok: false, error: new MatrixError("timeout", "no answer in time") }, false);
}

function send(draft: Draft, { lane, request }: Planned): void {
  const { requests, slot, now } = draft;
  const id = requests.nextId++;
  const timeoutTs = timeoutTsOf(draft, request);
  requests.inFlight = [...requests.inFlight, { id, lane, request, sentTs: now, timeoutTs }];
  if (request.kind === "write") onWriteSent(draft, request);
  else if (request.kind === "leave") onLeaveSent(draft, request.of);
  else if (request.kind === "cancel") onCancelSent(draft);
  else if (request.kind === "open-slot") slot.waitUntilTs = Math.min(slot.waitUntilTs, now + conditionMs);
  if ("txn" in request) requests.txns = { ...requests.txns, [idempotencyKey(request)]: request.txn };
  draft.effects.push({ kind: "request", id, request });
}

/** When we stop waiting for an answer. A restart is asked for once more when the delayed leave is due (4.3). */
function timeoutTsOf(draft: Draft, request: Request): number {
  const { settings, now } = draft;
  const { delayedLeaveRestartTimeoutMs, requestTimeoutMs } = settings.timing;
  const usualTs = now + (isQuick(request) ? delayedLeaveRestartTimeoutMs : requestTimeoutMs);
  const armed = armedLeave(draft);
  return request.kind === "restart" && armed && armed.leaveTs > now ? Math.min(usualTs, armed.leaveTs) : usualTs;
}

function onWriteSent(draft: Draft, { reason, lifetimeMs }: Extract<Request, { kind: "write" }>): void {
  const { publication, presence, now } = draft;
  const isRetry = isWriteUnconfirmed(draft);
  // What the room shows of us before our first write is of an earlier join or page.
  if (publication.status === "earlier" || (draft.phase === "joining" && publication.status === "no")) {
    presence.staleEventId = presence.own?.eventId ?? presence.standing?.eventId;
  }
  if (isExtra(draft, reason)) publication.budgetTs = spend(publication.budgetTs, now);
  if (publication.status !== "yes") publication.status = "maybe";
  if (draft.phase !== "joined" && !isRetry) presence.isMissing = false;
  publication.dirty = undefined;
  publication.sentTs = now;
  if (!isRetry) publication.firstSentTs = now;
  publication.lifetimeMs = lifetimeMs;
  trace(draft, { kind: "membership-sent", reason });
}

/** The others are cancelled before the same one is tried again. */
function onCancelSent({ delayedLeave }: Draft): void {
  const [first, ...others] = delayedLeave.obsolete;
  if (first && others.length > 0) delayedLeave.obsolete = [...others, first];
}

function onLeaveSent(draft: Draft, of: ReplacedMember): void {
  if (typeof of === "string") markStrayLeft(draft, of);
  else if (draft.leaving && isAmbiguous(draft)) draft.leaving = { ...draft.leaving, keepDelayedLeave: true };
}

const isQuick = ({ kind }: Request): boolean =>
  kind === "restart" || kind === "capability" || kind === "send" || kind === "cancel";
