// Pair: one step of the life of us and one peer: who calls, what is answered, when it is tried again. Pure. protocol.md 10.5.
import { andThen, type Step, unchanged } from "../../rx/machine.ts";
import { bodyOf, type CallBody, type CallMessage, signalOf } from "../call-message.ts";
import { type HangupReason, isFinal } from "../hangup-reason.ts";
import type { LinkOutput } from "../link.ts";
import { lostTs, type Ordering, receiveInOrder, startOrdering } from "../ordering.ts";
import { backoffMs } from "./mesh-backoff.ts";
import type { Arrival, MeshCall, Pair, PairEffect, PairInput, PairTrouble } from "./pair-model.ts";

type Draft = Step<Pair, PairEffect>;

/** How long an invite is waited for, and how long a peer may take it. */
export const inviteLifetimeMs = 60_000;
const answerMs = 30_000;
const mostEarlyCalls = 4;
const mostUnnumbered = 64;
const mostEnded = 8;
const mostBrokenDescriptions = 3;
const inviteEveryMs = 500;

export function stepPair(pair: Pair, input: PairInput, now: number): Draft {
  switch (input.kind) {
    case "start":
      return pair.settings.isCaller ? placeCall(pair) : unchanged(withTrouble(pair, "waiting-for-other-side", now));
    case "message":
      return onMessage(pair, input.arrival, now);
    case "link":
      return pair.call?.callId === input.callId ? onLink(pair, pair.call, input.output, now) : unchanged(pair);
    case "not-sent":
      if (pair.call?.callId !== input.callId) return unchanged(pair);
      return fail(
        pair,
        "signalling_timeout",
        input.outcome === "unknown-device" ? input.outcome : "signalling-failed",
        now,
      );
    case "leave": {
      const { state, effects } = closeCall(pair, "user_hangup");
      return { state: { ...state, isOver: true }, effects };
    }
    case "due":
      return onDue(pair, now);
  }
}

export function pairDueTs({ call, early, nextTryTs, isOver }: Pair): number {
  if (isOver) return Infinity;
  const earlyTs = Array.from(early.values(), ({ ordering }) => lostTs(ordering));
  return Math.min(nextTryTs, call?.answerDueTs ?? Infinity, call ? lostTs(call.ordering) : Infinity, ...earlyTs);
}

function onDue(pair: Pair, now: number): Draft {
  const early = new Map([...pair.early].filter(([, { ordering }]) => lostTs(ordering) > now));
  const state = early.size === pair.early.size ? pair : { ...pair, early };
  if (state.call && lostTs(state.call.ordering) <= now)
    return fail(state, "signalling_timeout", "signalling-failed", now);
  if (state.call && state.call.answerDueTs <= now) return fail(state, "invite_timeout", "signalling-failed", now);
  return state.nextTryTs <= now && !state.call ? placeCall(state) : unchanged(state);
}

/** Puts a message into the order of its call. */
function onMessage(pair: Pair, arrival: Arrival, now: number): Draft {
  const { callId, kind } = arrival.message;
  if (pair.ended.includes(callId)) return unchanged(pair);
  // A hangup is taken at once: its sender does not send the messages before it any more.
  const inTurn = kind === "hangup" ? { ...arrival, seq: undefined } : arrival;
  if (pair.call?.callId === callId) return inCall(pair, pair.call, inTurn, now);
  const { ordering, unnumbered } = pair.early.get(callId) ?? { ordering: startOrdering(), unnumbered: [] };
  const step = receiveInOrder(ordering, inTurn, now);
  const [first, ...rest] = step.ready;
  if (first?.kind === "invite") {
    const accepted = onInvite(pair, first, step.ordering, now);
    return [...unnumbered, ...rest].reduce(
      (draft, message) => andThen(draft, (state) => onBody(state, message, now)),
      accepted,
    );
  }
  if (kind === "hangup") return unchanged({ ...pair, ended: [...pair.ended, callId].slice(-mostEnded) });
  // Before an invite, only candidates are kept. Any other beginning makes no call.
  const isKept = first === undefined || (inTurn.seq === undefined && first.kind === "candidates");
  const early = new Map(pair.early);
  early.delete(callId);
  if (isKept)
    early.set(callId, { ordering: step.ordering, unnumbered: [...unnumbered, ...step.ready].slice(-mostUnnumbered) });
  const [oldest] = early.keys();
  if (early.size > mostEarlyCalls && oldest !== undefined) early.delete(oldest);
  return unchanged({ ...pair, early });
}

function inCall(pair: Pair, call: MeshCall, arrival: Arrival, now: number): Draft {
  const { ordering, ready } = receiveInOrder(call.ordering, arrival, now);
  const taken: Draft = unchanged({ ...pair, call: { ...call, ordering } });
  return ready.reduce((draft, message) => andThen(draft, (state) => onBody(state, message, now)), taken);
}

/** The newest invite wins, unless it crosses one of ours: then the smaller call id does. */
function onInvite(
  pair: Pair,
  invite: Extract<CallMessage, { kind: "invite" }>,
  ordering: Ordering<CallMessage>,
  now: number,
): Draft {
  const { call, lastInviteTs } = pair;
  const early = new Map(pair.early);
  early.delete(invite.callId);
  const isCrossing = call !== undefined && !call.isCalled && !call.isAnswered;
  const isRefused = now < lastInviteTs + inviteEveryMs || (isCrossing && call.callId < invite.callId);
  if (isRefused) return unchanged({ ...pair, early, ended: [...pair.ended, invite.callId].slice(-mostEnded) });
  const cleared = closeCall({ ...pair, early, lastInviteTs: now }, "replaced");
  const begun = beginCall(cleared.state, { callId: invite.callId, isCalled: true, ordering });
  const hear: PairEffect = { kind: "hear", callId: invite.callId, signal: signalOf(invite)! };
  return { state: begun.state, effects: [...cleared.effects, ...begun.effects, hear] };
}

/** A message in its order. */
function onBody(pair: Pair, message: CallMessage, now: number): Draft {
  const { call } = pair;
  if (call?.callId !== message.callId) return unchanged(pair);
  switch (message.kind) {
    case "answer": {
      if (call.isCalled || call.isAnswered) return unchanged(pair);
      // A message to one device has one answer. So nobody waits for a `select_answer`.
      const answered = { ...call, isAnswered: true, answerDueTs: Infinity };
      return { state: { ...pair, call: answered }, effects: [hearing(message)] };
    }
    case "negotiate":
    case "candidates":
    case "metadata":
      return { state: pair, effects: [hearing(message)] };
    case "reject":
      return onHangup(pair, "user_hangup", now);
    case "hangup":
      return onHangup(pair, message.reason, now);
    default:
      return unchanged(pair);
  }
}

const hearing = (message: CallMessage): PairEffect => ({
  kind: "hear",
  callId: message.callId,
  signal: signalOf(message)!,
});

/** The other side has hung up. Unless it meant to, it is called again. */
function onHangup(pair: Pair, reason: HangupReason, now: number): Draft {
  const { state, effects } = endCall(pair, reason);
  if (isFinal(reason)) return { state: withTrouble(state, "ended-by-other-side", now), effects };
  return { state: retryLater(state, "connection-failed", now), effects };
}

function onLink(pair: Pair, call: MeshCall, output: LinkOutput, now: number): Draft {
  if (output.kind === "say") {
    const isFirst = output.signal.kind === "description" && !call.hasDescribed;
    const isInvite = isFirst && !call.isCalled;
    const answerDueTs = isInvite ? now + answerMs : call.answerDueTs;
    const described = { ...pair, call: { ...call, hasDescribed: call.hasDescribed || isFirst, answerDueTs } };
    return send(described, bodyOf(output.signal, { isFirst, lifetimeMs: inviteLifetimeMs }));
  }
  const { state: link } = output;
  if (link.failure) {
    const isBroken = link.failure === "unknown_error";
    const brokenDescriptions = pair.brokenDescriptions + (isBroken ? 1 : 0);
    const trouble = link.failure === "signalling_timeout" ? "signalling-failed" : "connection-failed";
    return fail({ ...pair, brokenDescriptions }, link.failure, trouble, now);
  }
  const known = { ...pair, call: { ...call, link } };
  if (link.connection !== "connected") return unchanged(known);
  return unchanged({ ...known, failures: 0, brokenDescriptions: 0, trouble: undefined });
}

/** Ends the call for a reason of ours, and tries again later. */
function fail(pair: Pair, reason: HangupReason, trouble: PairTrouble, now: number): Draft {
  const { state, effects } = closeCall(pair, reason);
  return { state: retryLater(state, trouble, now), effects };
}

/** Only the side that calls can try again; the other one waits for it. Descriptions that break each time are given up. */
function retryLater(pair: Pair, trouble: PairTrouble, now: number): Pair {
  const { settings, brokenDescriptions } = pair;
  const failures = pair.failures + 1;
  if (!settings.isCaller) return withTrouble({ ...pair, failures }, "waiting-for-other-side", now);
  const mayRetry = brokenDescriptions < mostBrokenDescriptions;
  const nextTryTs = mayRetry ? now + backoffMs(failures, settings.name) : Infinity;
  return withTrouble({ ...pair, failures, nextTryTs }, trouble, now);
}

const withTrouble = (pair: Pair, code: PairTrouble, now: number): Pair => ({
  ...pair,
  trouble: { code, sinceTs: now },
});

function placeCall(pair: Pair): Draft {
  const placed = pair.placed + 1;
  const callId = `c${pair.settings.name}-${placed}`;
  return beginCall({ ...pair, placed, nextTryTs: Infinity }, { callId, isCalled: false, ordering: startOrdering() });
}

function beginCall(pair: Pair, begun: Pick<MeshCall, "callId" | "isCalled" | "ordering">): Draft {
  const { callId, isCalled } = begun;
  const call: MeshCall = {
    ...begun,
    seq: 0,
    hasDescribed: false,
    isAnswered: isCalled,
    answerDueTs: Infinity,
    link: undefined,
  };
  return {
    state: { ...pair, call, nextTryTs: Infinity, trouble: undefined },
    effects: [{ kind: "open", callId, isCalled }],
  };
}

/** Hangs up and ends the call, if there is one. */
function closeCall(pair: Pair, reason: HangupReason): Draft {
  if (!pair.call) return unchanged(pair);
  const said = pair.call.seq > 0 || pair.call.isCalled ? send(pair, { kind: "hangup", reason }) : unchanged(pair);
  const { state, effects } = endCall(said.state, reason);
  // Closed first: what is still to be sent of it is not sent any more, and the hangup is.
  return { state, effects: [...effects, ...said.effects] };
}

function endCall(pair: Pair, reason: HangupReason): Draft {
  if (!pair.call) return unchanged(pair);
  const { callId } = pair.call;
  return {
    state: { ...pair, call: undefined, ended: [...pair.ended, callId].slice(-mostEnded) },
    effects: [{ kind: "close", callId, reason }],
  };
}

function send(pair: Pair, body: CallBody): Draft {
  const { call } = pair;
  if (!call) return unchanged(pair);
  return {
    state: { ...pair, call: { ...call, seq: call.seq + 1 } },
    effects: [{ kind: "send", callId: call.callId, seq: call.seq, body }],
  };
}
