// OnInvite: an invite rings, is ignored, or crosses a call of ours. Pure. CS spec "Voice over IP", invites and glare.
import { andThen, unchanged } from "../../rx/machine.ts";
import {
  acceptInvite,
  callKey,
  type Desk,
  type DeskDraft,
  putCall,
  sending,
  traced,
  withCall,
  withOver,
} from "./desk.ts";
import { earlyCandidatesOf, hadEnded, takeEarly } from "./early-calls.ts";
import { type CallArrival, incomingCall, type Invite, type Ongoing, partyOf, type PendingInvite } from "./ongoing.ts";
import type { IgnoredInvite } from "./voip-trace.ts";

/** An invite, with what the room says about it. */
export interface InviteArrival extends CallArrival {
  readonly message: Invite;
  readonly isInRoom: boolean;
  readonly isPublicRoom: boolean;
  /** A name for the call on this device, and for our party in it. */
  readonly id: string;
  readonly partyId: string;
}

const mostRinging = 20;
const mostRingingPerUser = 3;
/** A side that knows the rules of glare has given way long before. */
const rivalPatienceMs = 3_000;

export function onInvite(desk: Desk, arrival: InviteArrival, now: number): DeskDraft {
  const { roomId, userId, message } = arrival;
  const { callId } = message;
  if (isEcho(desk, arrival)) return unchanged(desk);
  const reason = reasonToIgnore(desk, arrival);
  const { signs, rest } = takeEarly(desk.early, roomId, callId);
  const known: Desk = { ...desk, early: rest };
  const caller = partyOf(arrival);
  const ignored = reason ?? (hadEnded(signs, caller, desk.settings.userId) ? "already-ended" : undefined);
  if (ignored) return traced(known, { kind: "invite-ignored", roomId, callId, userId, reason: ignored });

  const pending: PendingInvite = {
    invite: message,
    caller,
    untilTs: now - arrival.ageMs + message.lifetimeMs,
    candidates: earlyCandidatesOf(signs, caller),
  };
  for (const call of desk.calls.values()) if (isCrossing(call, arrival)) return onGlare(known, call, pending, now);
  return ring(known, arrival, pending);
}

/** Our own invite, as the server sends it back. */
const isEcho = ({ settings, calls }: Desk, { userId, message }: CallArrival): boolean =>
  userId === settings.userId && [...calls.values()].some(({ partyId }) => partyId === message.partyId);

function reasonToIgnore(desk: Desk, arrival: InviteArrival): IgnoredInvite | undefined {
  const { roomId, userId, message, ageMs, isInRoom, isPublicRoom } = arrival;
  const { settings, over, calls } = desk;
  const { invitee, callId, lifetimeMs } = message;
  if (invitee !== undefined && invitee !== settings.userId) return "other-invitee";
  // A user may call another device of theirs by naming themselves.
  if (userId === settings.userId && invitee === undefined) return "own";
  if (!isInRoom) return "not-in-room";
  if (ageMs >= lifetimeMs) return "expired";
  if (over.includes(callKey(roomId, callId))) return "already-ended";
  if (isPublicRoom && !settings.ringsInPublicRooms) return "public-room";
  const known = [...calls.values()];
  if (known.some((call) => call.callId === callId && call.roomId === roomId)) return "already-ended";
  const ringing = known.filter(({ phase }) => phase === "ringing");
  const ofUser = ringing.filter(({ opponent }) => opponent?.userId === userId);
  return ringing.length >= mostRinging || ofUser.length >= mostRingingPerUser ? "too-many" : undefined;
}

function ring(desk: Desk, arrival: InviteArrival, pending: PendingInvite): DeskDraft {
  const { id, partyId, roomId, userId, message } = arrival;
  const { callId } = message;
  const call = incomingCall({ id, partyId, roomId }, pending);
  return traced(withCall(desk, call), { kind: "call-ringing", roomId, callId, userId });
}

/** Whether an invite crosses a call of ours: the same room, the same two users, nobody has answered ours. */
const isCrossing = (call: Ongoing, { roomId, userId }: CallArrival): boolean =>
  call.roomId === roomId &&
  !call.isCalled &&
  (call.phase === "preparing" || call.phase === "calling") &&
  (call.invitee === undefined || call.invitee === userId);

/**
 * Glare. A call of ours whose invite was not sent gives way. If both invites were sent, the call with the smaller id goes
 * on. To the user it is one call in either case, with the media that is there already.
 */
function onGlare(desk: Desk, call: Ongoing, pending: PendingInvite, now: number): DeskDraft {
  const theirs = pending.invite.callId;
  if (call.phase === "calling" && call.awaitedTs === Infinity && call.callId < theirs) {
    const { roomId } = call;
    const ignored = putCall(desk, { ...call, rival: pending, rivalTs: now + rivalPatienceMs });
    const { userId } = pending.caller;
    return andThen(ignored, (state) =>
      traced(state, { kind: "invite-ignored", roomId, callId: theirs, userId, reason: "glare" }),
    );
  }
  return giveWay(desk, call, pending);
}

/** Theirs takes the place of ours. */
export function giveWay(desk: Desk, call: Ongoing, pending: PendingInvite): DeskDraft {
  const { id, callId, roomId, phase } = call;
  const close = { kind: "close", id, callId } as const;
  const closed: DeskDraft = {
    state: withOver(desk, roomId, callId),
    effects: phase === "calling" ? [close, sending(call, { kind: "hangup", reason: "replaced" }, true)] : [close],
  };
  return andThen(
    andThen(closed, (state) => acceptInvite(state, call, pending)),
    (state) => traced(state, { kind: "glare", roomId, kept: pending.invite.callId, dropped: callId }),
  );
}

/** The other side did not give way to our call in time: theirs is taken after all. */
export function onRivalDue(desk: Desk, call: Ongoing, now: number): DeskDraft {
  const { rival } = call;
  if (!rival || call.rivalTs > now) return unchanged(desk);
  if (rival.untilTs <= now) return putCall(desk, { ...call, rival: undefined, rivalTs: Infinity });
  return giveWay(desk, call, rival);
}
