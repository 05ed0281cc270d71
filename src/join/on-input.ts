// On input: what an input changes, before anything is asked for. protocol.md 4.7, 4.8, 5.7, 14.1.
import { maxClaimedAgeMs } from "../membership/state-event.ts";
import { retrySoon } from "./backoff.ts";
import { noteClockOffset } from "./clock-offset.ts";
import { type Draft, forgetWrite, type Input, sendAndForget, trace } from "./draft.ts";
import { isUnderWay } from "./in-flight.ts";
import { armedLeave, conditionMs, type LifecycleState, type Presence } from "./model.ts";
import { onAnswer } from "./on-answer.ts";
import { echoGraceMs, giveUp, leave, markPublished, markReplaced } from "./phases.ts";
import { isAmbiguous } from "./plan.ts";

/** After somebody enters the room, we wait this long for others to enter too, and write once for all of them. */
const lateMemberWaitMs = 2_000;
/** How many strays we remember to have sent a leave for. */
const maxLeftStrays = 20;

type Shown = Extract<Input, { kind: "membership" }>;

/** Applies an input to the state. */
export function onInput(draft: Draft, input: Input): void {
  const { now } = draft;
  switch (input.kind) {
    case "content":
      if (draft.content) markDirty(draft, "update", now);
      draft.content = input.content;
      return;
    case "answer":
      return onRequestAnswered(draft, input);
    case "membership":
      return onOwnMembership(draft, input);
    case "slot":
      draft.slot.status = input.status;
      return;
    case "room":
      return onRoom(draft, input.isIn);
    case "late-room-member":
      return markDirty(draft, "late-room-member", now + lateMemberWaitMs);
    case "keys-unanswered":
      return onKeysUnanswered(draft);
    case "page-hidden":
      return onPageHidden(draft);
    case "leave":
      return leave(draft, input.cause, input.reason);
    case "failure":
      return giveUp(draft, input.error);
    case "unblocked":
      draft.isBlocked = false;
      if (input.isMember) draft.publication.status = "earlier";
      draft.delayedLeave.waitUntilTs = now + conditionMs;
      draft.delayedLeave.obsolete = input.obsolete;
      return;
    case "replaced":
      draft.isOver = true;
      return;
    case "resumed":
      draft.requests.isPaused = false;
      return retrySoon(draft);
    case "clock":
  }
}

function onRequestAnswered(draft: Draft, { id, answer }: Extract<Input, { kind: "answer" }>): void {
  const { requests } = draft;
  const inFlight = requests.inFlight.find((request) => request.id === id);
  if (inFlight) {
    requests.inFlight = requests.inFlight.filter((request) => request !== inFlight);
    return onAnswer(draft, inFlight, answer, false);
  }
  const timedOut = requests.timedOut.find((request) => request.id === id);
  if (!timedOut) return;
  requests.timedOut = requests.timedOut.filter((request) => request !== timedOut);
  onAnswer(draft, timedOut, answer, true);
}

/** Our presence is what the room shows, and nothing else. */
function onOwnMembership(draft: Draft, { own, standing, leaveId, strays = [] }: Shown): void {
  const { presence, publication } = draft;
  onOwnLeave(draft, leaveId);
  presence.own = own;
  presence.standing = standing;
  noteClockOffset(draft);
  for (const stray of strays) if (needsLeave(draft, stray)) markReplaced(draft, stray);
  const createdTs = shownSinceTs(draft, draft.now);
  if (createdTs === "stale") return;
  if (createdTs !== undefined && (publication.status === "maybe" || publication.status === "yes")) {
    const { createdTs: before = createdTs } = presence;
    presence.createdTs = createdTs > before + maxClaimedAgeMs ? before : createdTs;
    presence.isEchoed = true;
    presence.isMissing = false;
    if (publication.status === "maybe") markPublished(draft, draft.rejoin ? "rejoin" : "join", "sync");
  } else if (createdTs === undefined && draft.phase !== "leaving") {
    presence.isMissing = true;
  } else if (createdTs === undefined && isLeaveShown(draft)) {
    onLeaveShown(draft);
  }
}

/**
 * When we joined, as the room shows it: nothing if it does not show us, `stale` if it shows an earlier instance. An event
 * that is expired by our wall clock alone still shows us: the clocks disagree.
 */
function shownSinceTs(state: LifecycleState, now: number): number | "stale" | undefined {
  const { presence, publication } = state;
  const { own, standing, staleEventId } = presence;
  const eventId = own?.eventId ?? standing?.eventId;
  if (eventId !== undefined && eventId === staleEventId) return own ? "stale" : undefined;
  if (own && isBeforeEcho(state, own.eventId, now)) return "stale";
  if (own) return own.createdTs;
  return standing?.isExpired && now < publication.expiresTs ? standing.originServerTs : undefined;
}

/**
 * Whether the room shows an event of ours before the one that we wrote: it is an earlier one. Synapse keeps the answers to
 * `/sync` for two minutes, so that a page that is reloaded is shown the past, step by step.
 */
function isBeforeEcho({ presence, publication }: LifecycleState, eventId: string, now: number): boolean {
  const { eventId: writtenId, answeredTs } = publication;
  if (presence.isEchoed || writtenId === undefined || now >= answeredTs + echoGraceMs) return false;
  return eventId !== writtenId;
}

/**
 * The room shows a leave of ours. It is our delayed leave if that would be due by now without a restart. One of an earlier
 * page comes sooner. A redaction of our membership is no leave: it keeps the event id.
 */
function onOwnLeave(draft: Draft, leaveId: string | undefined): void {
  const { now, presence, publication, delayedLeave } = draft;
  const isNew = ![undefined, presence.leaveId, presence.own?.eventId, publication.eventId].includes(leaveId);
  presence.leaveId = leaveId;
  const armed = armedLeave(draft);
  if (armed && !armed.delegated && isNew && now >= armed.sinceTs + armed.delayMs)
    delayedLeave.held = { ...armed, isSent: true };
}

/** Back in the room, we can leave the call if that was refused while we were out. */
function onRoom(draft: Draft, isIn: boolean): void {
  draft.isInRoom = isIn;
  if (isIn && draft.leaving) draft.requests.retries = {};
}

/** Whether we send a leave for a stray. A stray that shows up while we leave is of the next join of this client. */
const needsLeave = ({ phase, publication }: LifecycleState, stray: number | string): boolean =>
  typeof stray !== "string" || (phase !== "leaving" && !publication.leftStrays.includes(stray));

/** A leave was sent for a stray: once is enough, until the room shows it. */
export function markStrayLeft({ publication }: Draft, stray: string): void {
  publication.leftStrays = [...publication.leftStrays, stray].slice(-maxLeftStrays);
}

/** True if the room shows our membership unchanged, so that changes of other members can be skipped. */
export function isUnchanged({ presence, publication }: LifecycleState, own: Presence["own"]): boolean {
  if (own === undefined || own !== presence.own) return false;
  return publication.status === "yes" && presence.isEchoed && !presence.isMissing;
}

/** Whether it is our leave that the room shows, now that it does not show us any more. */
function isLeaveShown(draft: Draft): boolean {
  const { presence, publication, requests } = draft;
  if (!presence.isEchoed || presence.standing || publication.status !== "yes") return false;
  // A write that is under way may arrive after it.
  if (isUnderWay(requests, "write")) return false;
  return !isAmbiguous(draft) && !isHiddenBySlot(draft);
}

/** The room shows us as gone while we are leaving. That confirms the leave like an answer. */
function onLeaveShown(draft: Draft): void {
  draft.publication.status = "no";
  if (isUnderWay(draft.requests, "send")) draft.delayedLeave.held = { status: "none" };
  draft.requests.inFlight = draft.requests.inFlight.filter(({ lane }) => lane === "cleanup");
}

/** A closed slot hides sticky members, whether or not they have left. */
export function isHiddenBySlot({ settings, slot }: Draft): boolean {
  return settings.kind === "sticky" && slot.status === "closed";
}

/** Our membership has to be written again, once for all that happens until `dueTs`. */
function markDirty(draft: Draft, reason: "update" | "late-room-member" | "keys-unanswered", dueTs: number): void {
  const { publication } = draft;
  // A new event is needed: it is no retry of the one before.
  forgetWrite(draft);
  if (!publication.dirty || dueTs < publication.dirty.dueTs) publication.dirty = { reason, dueTs };
}

/**
 * Makes matrix-js-sdk take us for a member that joins, so that it sends its keys again. For matrix-js-sdk, a sticky member
 * joins with every event, and a state member with a new `created_ts`. A millisecond is enough, and keeps our place in the list.
 */
function onKeysUnanswered(draft: Draft): void {
  const { presence, publication } = draft;
  const { createdTs } = presence;
  // The room does not show this instance yet: others will see it join.
  if (createdTs === undefined) return;
  publication.moved = { fromTs: publication.moved?.fromTs ?? createdTs, toTs: createdTs + 1 };
  markDirty(draft, "keys-unanswered", draft.now);
}

/** The page is about to close: leaves at once. If the page lives on, the next restart or sync shows that we have left. */
function onPageHidden(draft: Draft): void {
  const { now } = draft;
  const armed = armedLeave(draft);
  if (draft.publication.status === "no" || draft.phase === "leaving") return;
  trace(draft, { kind: "page-hidden" });
  if (!armed)
    return sendAndForget(draft, { kind: "leave", of: draft.joinCount, txn: draft.requests.nextId, reason: undefined });
  sendAndForget(draft, { kind: "send", delayId: armed.delayId, keepalive: true });
  draft.delayedLeave.held = { ...armed, leaveTs: now, restartTs: now + 1_000 };
}
