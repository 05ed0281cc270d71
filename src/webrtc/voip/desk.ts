// Desk: all 1:1 calls of a client, and the steps that change one of them. Pure. CS spec "Voice over IP".
import type { Step } from "../../rx/machine.ts";
import type { CallBody } from "../call-message.ts";
import type { HangupReason } from "../hangup-reason.ts";
import type { EarlyCalls } from "./early-calls.ts";
import type { Ongoing, PendingInvite, VoipEffect } from "./ongoing.ts";
import type { VoipEnd } from "./voip-state.ts";
import type { VoipTraceEntry } from "./voip-trace.ts";

export interface DeskSettings {
  readonly userId: string;
  /** How long a call of ours rings. */
  readonly lifetimeMs: number;
  /** Whether invites in public rooms ring. */
  readonly ringsInPublicRooms: boolean;
}

export interface Desk {
  readonly settings: DeskSettings;
  /** By id. Calls that have ended are shown as such for one step, and are then forgotten. */
  readonly calls: ReadonlyMap<string, Ongoing>;
  readonly early: EarlyCalls;
  /** Events that were taken, the newest last: an event may come twice. */
  readonly seen: readonly string[];
  /** Calls that are over, the newest last, by room and call id. */
  readonly over: readonly string[];
}

export type DeskEffect = VoipEffect | { readonly kind: "trace"; readonly entry: VoipTraceEntry };

export type DeskDraft = Step<Desk, DeskEffect>;

const mostOver = 500;

export const openDesk = (settings: DeskSettings): Desk => ({
  settings,
  calls: new Map(),
  early: [],
  seen: [],
  over: [],
});

export const callKey = (roomId: string, callId: string): string => JSON.stringify([roomId, callId]);

/** The call of the wire, if it is under way. */
export function findCall(desk: Desk, roomId: string, callId: string): Ongoing | undefined {
  for (const call of desk.calls.values())
    if (call.callId === callId && call.roomId === roomId && call.phase !== "ended") return call;
  return undefined;
}

export const traced = (state: Desk, entry: VoipTraceEntry): DeskDraft => ({
  state,
  effects: [{ kind: "trace", entry }],
});

export function withCall(desk: Desk, call: Ongoing): Desk {
  return { ...desk, calls: new Map(desk.calls).set(call.id, call) };
}

/** A call on the wire is over: nothing of it rings any more. */
export const withOver = (desk: Desk, roomId: string, callId: string): Desk => ({
  ...desk,
  over: [...desk.over, callKey(roomId, callId)].slice(-mostOver),
});

export const putCall = (desk: Desk, call: Ongoing, ...effects: readonly DeskEffect[]): DeskDraft => ({
  state: withCall(desk, call),
  effects,
});

export function sending(call: Ongoing, body: CallBody, isLast = false): DeskEffect {
  const { id, roomId, callId, partyId } = call;
  return { kind: "send", id, roomId, callId, partyId, body, isLast };
}

/** A call is over. `say` is the last word to the others, if there is one. */
export function endCall(
  desk: Desk,
  call: Ongoing,
  end: { readonly reason: VoipEnd; readonly by: "us" | "them" },
  say?: CallBody,
): DeskDraft {
  const { id, callId, roomId } = call;
  const hangup: DeskEffect[] =
    say?.kind === "hangup" ? [{ kind: "trace", entry: { kind: "hangup-sent", callId, reason: say.reason } }] : [];
  return {
    state: withCall(withOver(desk, roomId, callId), { ...call, phase: "ended", end }),
    effects: [
      { kind: "close", id, callId },
      ...(say ? [sending(call, say, true)] : []),
      ...hangup,
      { kind: "trace", entry: { kind: "call-ended", callId, ...end } },
    ],
  };
}

/** What we say when we end a call: nothing, if nobody knows of it. */
export function farewell(call: Ongoing, reason: HangupReason): CallBody | undefined {
  const { phase, isCalled, version } = call;
  if (phase === "preparing") return undefined;
  // Before our answer, the called side says no: by a reject, or by a hangup to clients of version 0.
  const isUnanswered = isCalled && (phase === "ringing" || phase === "answering");
  return isUnanswered && version === 1 ? { kind: "reject", reason } : { kind: "hangup", reason };
}

/** Takes a call of theirs in the place of what the call was before: our own call, or nothing yet. */
export function acceptInvite(desk: Desk, call: Ongoing, pending: PendingInvite): DeskDraft {
  const { invite, caller, candidates } = pending;
  const { callId, version } = invite;
  const accepted: Ongoing = {
    ...call,
    callId,
    isCalled: true,
    phase: "answering",
    hasDescribed: false,
    pending,
    offered: new Map(),
    opponent: caller,
    version,
    rival: undefined,
    rivalTs: Infinity,
    awaitedTs: Infinity,
    link: undefined,
  };
  const { id } = call;
  return putCall(
    desk,
    accepted,
    { kind: "open", id, callId, isCalled: true },
    { kind: "hear", id, callId, message: invite },
    { kind: "hear", id, callId, message: { kind: "candidates", candidates } },
  );
}
