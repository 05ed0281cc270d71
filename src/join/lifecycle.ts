// Lifecycle: one step of our own membership, from an input to what has to be done, and when the next is due. protocol.md 4.2-4.8.
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import type { Step } from "../rx/machine.ts";
import { armedLeave, type Draft, draftOf, type Effect, type Input, type LifecycleState, trace } from "./model.ts";
import type { Settings } from "./model.ts";
import { onAnswer } from "./on-answer.ts";
import { isHiddenBySlot, onInput } from "./on-input.ts";
import { echoGraceMs, end, giveUp, leaveRetryMs, rejoin } from "./phases.ts";
import { isAmbiguous, plan, type Planned } from "./plan.ts";
import { idempotencyKey, type InFlight, type Request, type WriteReason } from "./requests.ts";
import { spend } from "./token-bucket.ts";

/** The most requests that may be under way after we have stopped waiting for them. */
const maxTimedOut = 6;
/** An answer is listened for no longer than this, however welcome it would be. */
const longestRequestMs = 30_000;

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
  settings: Settings,
  before: LifecycleState,
  input: Input,
  now: number,
): Step<LifecycleState, Effect> {
  if (before.isOver) return { state: before, effects: [] };
  const draft = draftOf(settings, before, now);
  const { state, effects } = draft;
  onInput(draft, input);
  onClock(draft);
  for (let next = plan(settings, state, now); next; next = plan(settings, state, now)) {
    if (next === "end") end(draft);
    else send(draft, next);
  }
  return { state, effects };
}

/** When something becomes due by the clock alone. */
export function nextDueTs(settings: Settings, state: LifecycleState, now: number): number {
  const { delayedLeave, publication, presence, requests, leaving } = state;
  const { held } = delayedLeave;
  const { dirty, joinedTs } = publication;
  let dueTs = Infinity;
  const consider = (ts: number) => {
    if (ts > now && ts < dueTs) dueTs = ts;
  };
  for (const { timeoutTs } of requests.inFlight) consider(timeoutTs);
  for (const { sentTs } of requests.timedOut) consider(sentTs + longestRequestMs);
  for (const kind in requests.notBefore) consider(requests.notBefore[kind as Request["kind"]] ?? Infinity);
  for (const kind in requests.retryTs) consider(requests.retryTs[kind as Request["kind"]] ?? Infinity);
  if (held.status === "armed") {
    consider(held.restartTs);
    consider(held.leaveTs);
  } else if (held.status === "unsupported") {
    consider(held.retryTs);
  }
  consider(publication.refreshTs);
  consider(publication.expiresTs);
  if (dirty) consider(dirty.dueTs);
  if (dirty || presence.isMissing) consider(joinedTs + echoGraceMs);
  if (leaving) {
    consider(leaving.sinceTs + settings.timing.leaveTimeoutMs);
    consider(leaving.sinceTs + leaveRetryMs);
  }
  return state.isOver ? Infinity : dueTs;
}

/** What the clock alone changes. */
function onClock(draft: Draft): void {
  const { settings, state, now } = draft;
  const { publication, presence, requests } = state;
  for (const inFlight of requests.inFlight) if (now >= inFlight.timeoutTs) onTimeout(draft, inFlight);
  for (const timedOut of requests.timedOut)
    if (now >= timedOut.sentTs + longestRequestMs) stopListening(draft, timedOut);
  if (isHiddenBySlot(draft) && (!settings.openSlot || state.slot.isAsked)) {
    giveUp(draft, new RtcError("join-refused", "the slot is closed"), { code: "slot_closed" });
  }
  if (
    state.phase === "joined" &&
    presence.isMissing &&
    (presence.isEchoed || now >= publication.joinedTs + echoGraceMs)
  ) {
    rejoin(draft, "vanished");
  } else if (state.phase === "joined" && now >= publication.expiresTs) {
    rejoin(draft, "expired");
  }
  const { leaving } = state;
  if (leaving && now >= leaving.sinceTs + settings.timing.leaveTimeoutMs)
    state.leaving = { ...leaving, hasTimedOut: true };
  if (leaving && now >= leaving.sinceTs + leaveRetryMs) end(draft);
  const armed = armedLeave(state);
  const probablyLeft = state.phase === "joined" && armed !== undefined && now >= armed.leaveTs;
  if (probablyLeft && !presence.probablyLeft) trace(draft, { kind: "probably-left" });
  presence.probablyLeft = probablyLeft;
}

/** We stop waiting for an answer, and keep listening for it. */
function onTimeout(draft: Draft, inFlight: InFlight): void {
  const { requests } = draft.state;
  requests.inFlight = requests.inFlight.filter(({ id }) => id !== inFlight.id);
  requests.timedOut = [...requests.timedOut, inFlight];
  if (requests.timedOut.length > maxTimedOut) stopListening(draft, requests.timedOut[0]!);
  onAnswer(draft, inFlight, { ok: false, error: new MatrixError("timeout", "no answer in time") }, false);
}

function stopListening(draft: Draft, timedOut: InFlight): void {
  const { requests } = draft.state;
  draft.effects.push({ kind: "abort", id: timedOut.id });
  requests.timedOut = requests.timedOut.filter((other) => other !== timedOut);
}

function send(draft: Draft, { lane, request }: Planned): void {
  const { settings, state, now } = draft;
  const { requests } = state;
  const id = requests.nextId++;
  const { delayedLeaveRestartTimeoutMs, requestTimeoutMs } = settings.timing;
  const timeoutMs = isQuick(request) ? delayedLeaveRestartTimeoutMs : requestTimeoutMs;
  requests.inFlight = [...requests.inFlight, { id, lane, request, sentTs: now, timeoutTs: now + timeoutMs }];
  if ("txn" in request) requests.txns = { ...requests.txns, [idempotencyKey(request)]: request.txn };
  if (request.kind === "write") {
    onWriteSent(draft, request);
  } else if (request.kind === "leave" && state.leaving && isAmbiguous(state)) {
    state.leaving = { ...state.leaving, keepDelayedLeave: true };
  }
  draft.effects.push({ kind: "request", id, request });
}

function onWriteSent(draft: Draft, { reason, lifetimeMs }: Extract<Request, { kind: "write" }>): void {
  const { state, now } = draft;
  const { publication, presence } = state;
  if (publication.status === "no") publication.status = "maybe";
  if (state.phase !== "joined") presence.isMissing = false;
  if (isExtra(reason)) publication.budgetTs = spend(publication.budgetTs, now);
  publication.dirty = undefined;
  publication.sentTs = now;
  publication.lifetimeMs = lifetimeMs;
  trace(draft, { kind: "membership-sent", reason });
}

const isQuick = ({ kind }: Request): boolean =>
  kind === "restart" || kind === "capability" || kind === "send" || kind === "cancel";
const isExtra = (reason: WriteReason): boolean =>
  reason === "update" || reason === "late-room-member" || reason === "missing-key";
