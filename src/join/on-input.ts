// On input: what an input changes, before anything is asked for. protocol.md 4.7, 4.8, 5.7, 14.1.
import { maxClaimedAgeMs } from "../membership/state-event.ts";
import {
  armedLeave,
  type Draft,
  forgetTxn,
  type Input,
  type LifecycleState,
  type Presence,
  sendAndForget,
  trace,
} from "./model.ts";
import { onAnswer } from "./on-answer.ts";
import { giveUp, leave, markPublished } from "./phases.ts";
import { isAmbiguous } from "./plan.ts";
import { idempotencyKey } from "./requests.ts";
import { availableTs } from "./token-bucket.ts";

/** After somebody enters the room, we wait this long for others to enter too, and write once for all of them. */
const lateMemberWaitMs = 2_000;

/** Applies an input to the state. */
export function onInput(draft: Draft, input: Input): void {
  const { state, now } = draft;
  switch (input.kind) {
    case "content":
      if (state.content) markDirty(draft, "update", now);
      state.content = input.content;
      return;
    case "answer":
      return onRequestAnswered(draft, input);
    case "membership":
      return onOwnMembership(draft, input.own);
    case "slot":
      state.slot.status = input.status;
      return;
    case "late-room-member":
      return markDirty(draft, "late-room-member", now + lateMemberWaitMs);
    case "keys-unanswered":
      return renew(draft);
    case "page-hidden":
      return onPageHidden(draft);
    case "leave":
      return leave(draft, input.cause, input.reason);
    case "failure":
      return giveUp(draft, input.error);
    case "replaced":
      state.isOver = true;
      return;
    case "resumed":
      state.requests.retryTs = {};
      return;
    case "clock":
  }
}

function onRequestAnswered(draft: Draft, { id, answer }: Extract<Input, { kind: "answer" }>): void {
  const { requests } = draft.state;
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
function onOwnMembership(draft: Draft, own: Presence["own"]): void {
  const { state } = draft;
  const { presence, publication } = state;
  presence.own = own;
  if (own && own.eventId === presence.staleEventId) return;
  if (own && publication.status !== "no") {
    const { createdTs = own.createdTs } = presence;
    presence.createdTs = own.createdTs > createdTs + maxClaimedAgeMs ? createdTs : own.createdTs;
    presence.isEchoed = true;
    presence.isMissing = false;
    if (publication.status === "maybe") markPublished(draft, state.rejoin ? "rejoin" : "join", "sync");
  } else if (!own && state.phase !== "leaving") {
    presence.isMissing = true;
  } else if (
    !own &&
    presence.isEchoed &&
    publication.status === "yes" &&
    !isAmbiguous(state) &&
    !isHiddenBySlot(draft)
  ) {
    onLeaveShown(draft);
  }
}

/** True if the room shows our membership unchanged, so that changes of other members can be skipped. */
export function isUnchanged({ presence, publication }: LifecycleState, own: Presence["own"]): boolean {
  if (own === undefined || own !== presence.own) return false;
  return publication.status === "yes" && presence.isEchoed && !presence.isMissing;
}

/** The room shows us as gone while we are leaving. That confirms the leave like an answer. */
function onLeaveShown({ state }: Draft): void {
  state.publication.status = "no";
  if (state.requests.inFlight.some(({ request }) => request.kind === "send"))
    state.delayedLeave.held = { status: "wanted" };
  state.requests.inFlight = [];
}

/** A closed slot hides sticky members, whether or not they have left. */
export function isHiddenBySlot({ settings, state }: Pick<Draft, "settings" | "state">): boolean {
  return settings.kind === "sticky" && state.slot.status === "closed";
}

/** Our membership has to be written again, within the budget, once for all that happens until then. */
function markDirty(draft: Draft, reason: "update" | "late-room-member" | "missing-key", dueTs: number): void {
  const { phase, joinCount, publication, requests } = draft.state;
  // Content that changed is no retry.
  if (reason === "update") forgetTxn(draft, idempotencyKey({ kind: "write", joinCount }));
  const isWriting = phase === "joined" || requests.inFlight.some(({ request }) => request.kind === "write");
  if (!isWriting || phase === "leaving") return;
  const writeTs = Math.max(dueTs, availableTs(publication.budgetTs));
  if (!publication.dirty || writeTs < publication.dirty.dueTs) publication.dirty = { reason, dueTs: writeTs };
}

/**
 * Makes matrix-js-sdk take us for a member that joins, so that it sends its keys again. To it, every event of a sticky
 * member does that, and a new creation time of a state member. A millisecond is enough, and keeps our place in the list.
 */
function renew(draft: Draft): void {
  const { presence, publication } = draft.state;
  if (!presence.own) return;
  publication.createdFromTs = (presence.createdTs ?? presence.own.createdTs) + 1;
  markDirty(draft, "missing-key", draft.now);
}

/** The page is about to close: leaves at once. If the page lives on, the next restart or sync shows that we have left. */
function onPageHidden(draft: Draft): void {
  const { state, now } = draft;
  const { joinCount, requests } = state;
  const armed = armedLeave(state);
  if (state.publication.status === "no" || state.phase === "leaving") return;
  trace(draft, { kind: "page-hidden" });
  if (!armed) return sendAndForget(draft, { kind: "leave", joinCount, txn: requests.nextId, reason: undefined });
  sendAndForget(draft, { kind: "send", delayId: armed.delayId, keepalive: true });
  state.delayedLeave.held = { ...armed, leaveTs: now, restartTs: now + 1_000 };
}
