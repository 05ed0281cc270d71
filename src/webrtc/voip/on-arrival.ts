// OnArrival: what an event of a call means for it, by who sent it. Pure. CS spec "Voice over IP"; MSC2746.
import type { CallMessage } from "../call-message.ts";
import type { HangupReason } from "../hangup-reason.ts";
import type { Candidate } from "../peer-connection.ts";
import { unchanged } from "../../rx/machine.ts";
import { type Desk, type DeskDraft, endCall, findCall, putCall, sending, traced } from "./desk.ts";
import { rememberEarly } from "./early-calls.ts";
import { type CallArrival, isSameParty, type Ongoing, partyKey, partyOf } from "./ongoing.ts";
import type { VoipEnd, VoipParty } from "./voip-state.ts";

const mostCandidates = 200;
const mostParties = 8;
const rivalInviteMs = 10_000;

/** Takes any event but an invite. */
export function onArrival(desk: Desk, arrival: CallArrival, now: number): DeskDraft {
  const { roomId, userId, message } = arrival;
  const call = findCall(desk, roomId, message.callId);
  if (!call) return onUnknownCall(desk, arrival, now);
  const isEcho = userId === desk.settings.userId && message.partyId === call.partyId;
  return isEcho ? unchanged(desk) : inCall(desk, call, arrival, now);
}

/** A call whose invite has not come, or the one that crossed ours and has to give way. */
function onUnknownCall(desk: Desk, arrival: CallArrival, now: number): DeskDraft {
  const { message } = arrival;
  for (const call of desk.calls.values()) {
    const { rival } = call;
    if (rival?.invite.callId !== message.callId || call.roomId !== arrival.roomId) continue;
    if (!isSameParty(partyOf(arrival), rival.caller)) continue;
    if (message.kind === "hangup") return putCall(desk, { ...call, rival: undefined, rivalTs: Infinity });
    if (message.kind === "candidates")
      return putCall(desk, { ...call, rival: { ...rival, candidates: more(rival.candidates, message.candidates) } });
  }
  return unchanged({ ...desk, early: rememberEarly(desk.early, arrival, now) });
}

function inCall(desk: Desk, call: Ongoing, arrival: CallArrival, now: number): DeskDraft {
  const { message } = arrival;
  switch (message.kind) {
    case "answer":
      return onAnswer(desk, call, arrival);
    case "reject":
      return onReject(desk, call, arrival, message.reason);
    case "hangup":
      return onHangup(desk, call, arrival, message.reason, now);
    case "select_answer":
      return onSelectAnswer(desk, call, arrival, message.selectedPartyId);
    case "candidates":
      return onCandidates(desk, call, arrival, message.candidates);
    case "negotiate":
      if (call.phase === "agreed" && isOpponent(call, arrival) && arrival.ageMs >= message.lifetimeMs)
        return ignored(desk, arrival, "expired");
      return whileAgreed(desk, call, arrival);
    case "metadata":
      return whileAgreed(desk, call, arrival);
    case "identity":
      return isOpponent(call, arrival)
        ? putCall(desk, { ...call, identity: message.identity })
        : ignored(desk, arrival, "wrong-party");
    case "invite":
      return unchanged(desk);
  }
}

/** The first answer wins. Another device of ours may answer a call that rings here. */
function onAnswer(desk: Desk, call: Ongoing, arrival: CallArrival): DeskDraft {
  const { message, userId } = arrival;
  if (call.isCalled) {
    if (call.phase === "ringing" && userId === desk.settings.userId && !isOpponent(call, arrival))
      return endCall(desk, call, { reason: "answered-elsewhere", by: "us" });
    return ignored(desk, arrival, "out-of-turn");
  }
  if (call.phase !== "calling") return ignored(desk, arrival, "out-of-turn");
  if (!mayAnswer(desk, call, arrival)) return ignored(desk, arrival, "wrong-party");
  const opponent = partyOf(arrival);
  const { id, callId } = call;
  const { version } = message;
  const candidates = call.offered.get(partyKey(opponent)) ?? [];
  const agreed: Ongoing = {
    ...call,
    phase: "agreed",
    untilTs: Infinity,
    opponent,
    version,
    offered: new Map(),
    rival: undefined,
    rivalTs: Infinity,
    awaitedTs: Infinity,
  };
  return putCall(
    desk,
    agreed,
    { kind: "hear", id, callId, message },
    { kind: "hear", id, callId, message: { kind: "candidates", candidates } },
    ...selecting(agreed, opponent),
    { kind: "trace", entry: { kind: "answer-chosen", callId, userId, version } },
  );
}

/** All devices of the called side learn who was chosen, also if that one said no. Version 0 has no parties. */
const selecting = (call: Ongoing, { partyId }: VoipParty, isLast = false) =>
  partyId === undefined ? [] : [sending(call, { kind: "select_answer", selectedPartyId: partyId }, isLast)];

function onReject(desk: Desk, call: Ongoing, arrival: CallArrival, reason: HangupReason): DeskDraft {
  if (call.isCalled) {
    if (call.phase === "ringing" && arrival.userId === desk.settings.userId && !isOpponent(call, arrival))
      return endCall(desk, call, { reason: "rejected-elsewhere", by: "us" });
    return ignored(desk, arrival, "out-of-turn");
  }
  // Somebody who has answered already is not rejected by somebody else.
  if (call.phase !== "calling") return ignored(desk, arrival, "out-of-turn");
  if (!mayAnswer(desk, call, arrival)) return ignored(desk, arrival, "wrong-party");
  const { state, effects } = endCall(desk, call, { reason: refusalOf(reason), by: "them" });
  return { state, effects: [...effects, ...selecting(call, partyOf(arrival), true)] };
}

function onHangup(desk: Desk, call: Ongoing, arrival: CallArrival, reason: HangupReason, now: number): DeskDraft {
  // Glare, seen by the other side before us: it has dropped our call for its own, whose invite is on its way.
  if (!call.isCalled && call.phase === "calling" && reason === "replaced" && mayAnswer(desk, call, arrival))
    return putCall(desk, { ...call, awaitedTs: now + rivalInviteMs });
  // Before an answer is chosen, a hangup of a user who may answer is a reject, as clients of version 0 send it.
  if (!call.isCalled && call.phase === "calling")
    return mayAnswer(desk, call, arrival)
      ? endCall(desk, call, { reason: refusalOf(reason), by: "them" })
      : ignored(desk, arrival, "wrong-party");
  if (isOpponent(call, arrival)) {
    const isUnanswered = call.phase === "ringing" || call.phase === "answering";
    return endCall(desk, call, { reason: isUnanswered ? "cancelled" : ends[reason], by: "them" });
  }
  const isOwnDevice = call.phase === "ringing" && arrival.userId === desk.settings.userId && call.version === 0;
  return isOwnDevice
    ? endCall(desk, call, { reason: "rejected-elsewhere", by: "us" })
    : ignored(desk, arrival, "wrong-party");
}

/** The caller has chosen a device. If it is not ours, the call ends here, and we send nothing. */
function onSelectAnswer(desk: Desk, call: Ongoing, arrival: CallArrival, selectedPartyId: string): DeskDraft {
  if (!call.isCalled || call.phase === "preparing") return ignored(desk, arrival, "out-of-turn");
  if (!isOpponent(call, arrival)) return ignored(desk, arrival, "wrong-party");
  if (selectedPartyId === call.partyId) return unchanged(desk);
  return endCall(desk, call, { reason: "answered-elsewhere", by: "them" });
}

function onCandidates(desk: Desk, call: Ongoing, arrival: CallArrival, candidates: readonly Candidate[]): DeskDraft {
  const { id, callId, pending, offered } = call;
  if (call.isCalled ? call.phase !== "ringing" : call.phase === "agreed")
    return isOpponent(call, arrival)
      ? { state: desk, effects: [{ kind: "hear", id, callId, message: { kind: "candidates", candidates } }] }
      : ignored(desk, arrival, "wrong-party");
  if (call.isCalled) {
    if (!pending || !isOpponent(call, arrival)) return ignored(desk, arrival, "wrong-party");
    return putCall(desk, { ...call, pending: { ...pending, candidates: more(pending.candidates, candidates) } });
  }
  const key = partyKey(partyOf(arrival));
  const isKept = mayAnswer(desk, call, arrival) && (offered.has(key) || offered.size < mostParties);
  if (!isKept) return ignored(desk, arrival, "wrong-party");
  return putCall(desk, { ...call, offered: new Map(offered).set(key, more(offered.get(key) ?? [], candidates)) });
}

/** A message that only the chosen party may send, between two that understand it. */
function whileAgreed(desk: Desk, call: Ongoing, arrival: CallArrival): DeskDraft {
  const { id, callId, phase, version } = call;
  if (!isOpponent(call, arrival)) return ignored(desk, arrival, "wrong-party");
  if (version !== 1 || phase !== "agreed") return ignored(desk, arrival, "out-of-turn");
  return { state: desk, effects: [{ kind: "hear", id, callId, message: arrival.message }] };
}

const isOpponent = ({ opponent }: Ongoing, arrival: CallArrival): boolean =>
  opponent !== undefined && isSameParty(opponent, partyOf(arrival));

/** The users who are called may answer: our own user only if we call ourselves. */
const mayAnswer = ({ settings }: Desk, { invitee }: Ongoing, { userId }: CallArrival): boolean =>
  invitee === undefined ? userId !== settings.userId : invitee === userId;

const more = (candidates: readonly Candidate[], arrived: readonly Candidate[]): readonly Candidate[] =>
  [...candidates, ...arrived].slice(0, mostCandidates);

const ignored = (desk: Desk, { message }: CallArrival, reason: "wrong-party" | "expired" | "out-of-turn"): DeskDraft =>
  traced(desk, { kind: "event-ignored", callId: message.callId, type: typeOf(message), reason });

const typeOf = ({ kind }: CallMessage): string => kind;

/** What a no of the other side means. */
function refusalOf(reason: HangupReason): VoipEnd {
  if (reason === "user_busy") return "busy";
  return reason === "user_media_failed" ? "no-media" : "rejected";
}

/** What a hangup in a call that had begun means. */
const ends: Readonly<Record<HangupReason, VoipEnd>> = {
  user_hangup: "hung-up",
  replaced: "hung-up",
  user_busy: "busy",
  user_media_failed: "no-media",
  invite_timeout: "no-answer",
  ice_failed: "connection-failed",
  ice_timeout: "connection-failed",
  signalling_timeout: "signalling-failed",
  unknown_error: "error",
};
