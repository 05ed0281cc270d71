// StepDesk: one step of all 1:1 calls: events of a sync response, commands, links and the clock. Pure.
import type { Malformed } from "../../room/parsed.ts";
import { bodyOf, type CallBody } from "../call-message.ts";
import type { HangupReason } from "../hangup-reason.ts";
import type { LinkOutput } from "../link.ts";
import { andThen, unchanged } from "../../rx/machine.ts";
import {
  acceptInvite,
  type Desk,
  type DeskDraft,
  endCall,
  farewell,
  putCall,
  sending,
  traced,
  withCall,
} from "./desk.ts";
import { onArrival } from "./on-arrival.ts";
import { type InviteArrival, onInvite, onRivalDue } from "./on-invite.ts";
import type { CallArrival, Ongoing } from "./ongoing.ts";
import type { VoipEnd } from "./voip-state.ts";

export type DeskArrival = CallArrival | InviteArrival | (Malformed & Pick<CallArrival, "roomId" | "eventId">);

export type DeskInput =
  /** All events of one sync response. */
  | { readonly kind: "arrivals"; readonly arrivals: readonly DeskArrival[] }
  /** A call of ours. */
  | { readonly kind: "place"; readonly call: Ongoing }
  | { readonly kind: "answer"; readonly id: string }
  | { readonly kind: "reject"; readonly id: string; readonly isBusy: boolean }
  | { readonly kind: "hang-up"; readonly id: string }
  | { readonly kind: "link"; readonly id: string; readonly callId: string; readonly output: LinkOutput }
  | { readonly kind: "media-failed"; readonly id: string }
  | {
      readonly kind: "not-sent";
      readonly id: string;
      readonly callId: string;
      readonly body: CallBody["kind"];
      /** The server has surely not taken it. */
      readonly isRefused: boolean;
    }
  /** The members of some rooms have changed. */
  | { readonly kind: "members"; readonly isJoined: (roomId: string, userId: string) => boolean }
  | { readonly kind: "due" };

const mostSeen = 2_000;
const negotiateLifetimeMs = 60_000;

export function stepDesk(desk: Desk, input: DeskInput, now: number): DeskDraft {
  const current = withoutEnded(desk);
  if (input.kind === "arrivals") return onArrivals(current, input.arrivals, now);
  if (input.kind === "place") return place(current, input.call);
  if (input.kind === "due") return onDue(current, now);
  if (input.kind === "members") return onMembers(current, input.isJoined);
  const call = current.calls.get(input.id);
  if (!call) return unchanged(current);
  switch (input.kind) {
    case "answer":
      return call.phase === "ringing" && call.pending ? acceptInvite(current, call, call.pending) : unchanged(current);
    case "reject":
      return call.phase === "ringing"
        ? leave(current, call, input.isBusy ? "user_busy" : "user_hangup")
        : unchanged(current);
    case "hang-up":
      return leave(current, call, "user_hangup");
    case "media-failed":
      return onMediaFailed(current, call);
    case "link":
      return call.callId === input.callId ? onLink(current, call, input.output, now) : unchanged(current);
    case "not-sent":
      return onNotSent(current, call, input);
  }
}

/** When something changes by the clock alone. */
export function deskDueTs({ calls }: Desk): number {
  let soonest = Infinity;
  for (const { phase, untilTs, rivalTs, awaitedTs } of calls.values())
    if (phase === "calling" || phase === "ringing") soonest = Math.min(soonest, untilTs, rivalTs, awaitedTs);
  return soonest;
}

/** A call that has ended was shown as such in the step before. */
function withoutEnded(desk: Desk): Desk {
  const calls = new Map([...desk.calls].filter(([, { phase }]) => phase !== "ended"));
  return calls.size === desk.calls.size ? desk : { ...desk, calls };
}

/** Nothing rings until the whole response is taken: what ends a call may come together with its invite. */
function onArrivals(desk: Desk, arrivals: readonly DeskArrival[], now: number): DeskDraft {
  const draft = arrivals.reduce<DeskDraft>(
    (before, arrival) => andThen(before, (state) => onOne(state, arrival, now)),
    unchanged(desk),
  );
  const isSilent = ({ id, phase }: Ongoing) => phase === "ended" && !desk.calls.has(id);
  const calls = new Map([...draft.state.calls].filter(([, call]) => !isSilent(call)));
  const effects = draft.effects.filter(
    (effect) =>
      effect.kind !== "trace" || effect.entry.kind !== "call-ringing" || isRinging(calls, effect.entry.callId),
  );
  return { state: { ...draft.state, calls }, effects };
}

const isRinging = (calls: Desk["calls"], callId: string): boolean =>
  [...calls.values()].some((call) => call.callId === callId && call.phase === "ringing");

function onOne(desk: Desk, arrival: DeskArrival, now: number): DeskDraft {
  const { roomId, eventId } = arrival;
  if (desk.seen.includes(eventId)) return unchanged(desk);
  const seen: Desk = { ...desk, seen: [...desk.seen, eventId].slice(-mostSeen) };
  if ("malformed" in arrival)
    return traced(seen, { kind: "event-malformed", roomId, eventId, path: arrival.malformed });
  return isInvite(arrival) ? onInvite(seen, arrival, now) : onArrival(seen, arrival, now);
}

const isInvite = (arrival: CallArrival | InviteArrival): arrival is InviteArrival => arrival.message.kind === "invite";

function place(desk: Desk, call: Ongoing): DeskDraft {
  const { id, roomId, callId } = call;
  return andThen(putCall(desk, call, { kind: "open", id, callId, isCalled: false }), (state) =>
    traced(state, { kind: "call-placed", roomId, callId }),
  );
}

/** We end a call, whatever its phase. */
function leave(desk: Desk, call: Ongoing, reason: HangupReason): DeskDraft {
  const { phase, isCalled } = call;
  const isUnanswered = phase === "preparing" || phase === "calling";
  const isRefused = isCalled && (phase === "ringing" || phase === "answering");
  const end: VoipEnd = isUnanswered
    ? "cancelled"
    : isRefused
      ? reason === "user_busy"
        ? "busy"
        : "rejected"
      : "hung-up";
  return endCall(desk, call, { reason: end, by: "us" }, farewell(call, reason));
}

function onMediaFailed(desk: Desk, call: Ongoing): DeskDraft {
  // Later, a camera that is gone costs the picture, not the call.
  if (call.phase !== "preparing" && call.phase !== "answering") return unchanged(desk);
  return endCall(desk, call, { reason: "no-media", by: "us" }, farewell(call, "user_media_failed"));
}

function onLink(desk: Desk, call: Ongoing, output: LinkOutput, now: number): DeskDraft {
  if (output.kind === "say") {
    const isFirst = output.signal.kind === "description" && !call.hasDescribed;
    const lifetimeMs = isFirst ? desk.settings.lifetimeMs : negotiateLifetimeMs;
    const body = bodyOf(output.signal, { isFirst, lifetimeMs, invitee: call.invitee });
    return putCall(desk, isFirst ? described(desk, call, now) : call, sending(call, body));
  }
  const { state: link } = output;
  if (link.failure) {
    const reason: VoipEnd = link.failure === "unknown_error" ? "error" : "connection-failed";
    return endCall(desk, call, { reason, by: "us" }, farewell(call, link.failure));
  }
  const connectedTs = call.connectedTs ?? (link.connection === "connected" ? now : undefined);
  return unchanged(withCall(desk, { ...call, link, connectedTs }));
}

/** Our invite or our answer is on its way. */
function described(desk: Desk, call: Ongoing, now: number): Ongoing {
  const said: Ongoing = { ...call, hasDescribed: true };
  if (call.isCalled) return { ...said, phase: "agreed", untilTs: Infinity };
  return { ...said, phase: "calling", untilTs: now + desk.settings.lifetimeMs };
}

/** Without its invite or answer there is no call. Anything else may be lost: media goes on without it. */
function onNotSent(desk: Desk, call: Ongoing, input: Extract<DeskInput, { kind: "not-sent" }>): DeskDraft {
  const { callId, body, isRefused } = input;
  const noted = traced(desk, { kind: "message-not-sent", callId, type: body });
  if (call.callId !== callId || (body !== "invite" && body !== "answer")) return noted;
  // Nobody knows of a call whose invite was refused.
  const say: CallBody | undefined =
    isRefused && body === "invite" ? undefined : { kind: "hangup", reason: "signalling_timeout" };
  return andThen(noted, (state) => endCall(state, call, { reason: "signalling-failed", by: "us" }, say));
}

/** Leaving the room ends the call, as a hangup does. */
function onMembers(desk: Desk, isJoined: (roomId: string, userId: string) => boolean): DeskDraft {
  const { userId } = desk.settings;
  const hasLeft = ({ roomId, opponent, invitee }: Ongoing) => {
    const other = opponent?.userId ?? invitee;
    return !isJoined(roomId, userId) || (other !== undefined && !isJoined(roomId, other));
  };
  return [...desk.calls.values()].filter(hasLeft).reduce<DeskDraft>((draft, call) => {
    const by = isJoined(call.roomId, userId) ? "them" : "us";
    const say = by === "them" && !call.isCalled ? farewell(call, "user_hangup") : undefined;
    return andThen(draft, (state) => endCall(state, call, { reason: "left-room", by }, say));
  }, unchanged(desk));
}

function onDue(desk: Desk, now: number): DeskDraft {
  return [...desk.calls.values()].reduce<DeskDraft>((draft, call) => {
    const { phase, untilTs } = call;
    if (phase === "ringing" && untilTs <= now)
      return andThen(draft, (state) => endCall(state, call, { reason: "no-answer", by: "us" }));
    if (phase !== "calling") return draft;
    if (call.awaitedTs <= now)
      return andThen(draft, (state) => endCall(state, call, { reason: "rejected", by: "them" }));
    if (untilTs > now) return andThen(draft, (state) => onRivalDue(state, call, now));
    return andThen(draft, (state) =>
      endCall(state, call, { reason: "no-answer", by: "them" }, { kind: "hangup", reason: "invite_timeout" }),
    );
  }, unchanged(desk));
}
