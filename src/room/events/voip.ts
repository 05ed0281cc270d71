// Calls between two users, m.call.*: typed, so that a reader of a room knows them. Client-server specification, voice over IP.
import { id, list, natural, object, oneOf, optional, required, type Rule, body, text, longest } from "./rules.ts";

/** What all these events have. */
export interface VoipCommon {
  readonly call_id: string;
  /** 0 in the first text, "1" today. */
  readonly version: number | string;
  /** The device in the call, since version 1. */
  readonly party_id?: string;
}

/** `m.call.invite`. */
export interface CallInviteContent extends VoipCommon {
  readonly offer: SessionDescription<"offer">;
  /** How long the invitation is valid, in milliseconds. */
  readonly lifetime?: number;
  /** Whom it is for, since version 1; absent for everybody in the room. */
  readonly invitee?: string;
}

/** `m.call.answer`. */
export interface CallAnswerContent extends VoipCommon {
  readonly answer: SessionDescription<"answer">;
}

/** `m.call.candidates`. */
export interface CallCandidatesContent extends VoipCommon {
  readonly candidates: readonly Candidate[];
}

/** `m.call.hangup`. */
export interface CallHangupContent extends VoipCommon {
  readonly reason?: string;
}

export interface SessionDescription<T extends string> {
  readonly type: T;
  readonly sdp: string;
}

/** An empty `candidate` ends the list. */
export interface Candidate {
  readonly candidate: string;
  readonly sdpMid?: string;
  readonly sdpMLineIndex?: number;
}

const version: Rule<number | string> = (value, notes) => (typeof value === "number" ? natural : id)(value, notes);

const common = { call_id: required(id), version: required(version), party_id: optional(id) };

const description = <T extends string>(type: T) =>
  object<SessionDescription<T>>({ type: required(oneOf(type)), sdp: required(body) } as never);

export const callInviteContent: Rule<CallInviteContent> = object<CallInviteContent>({
  ...common,
  offer: required(description("offer")),
  lifetime: optional(natural),
  invitee: optional(id),
});

export const callAnswerContent: Rule<CallAnswerContent> = object<CallAnswerContent>({
  ...common,
  answer: required(description("answer")),
});

export const callCandidatesContent: Rule<CallCandidatesContent> = object<CallCandidatesContent>({
  ...common,
  candidates: required(
    list(
      object<Candidate>({
        candidate: required(text(longest.url)),
        sdpMid: optional(id),
        sdpMLineIndex: optional(natural),
      }),
    ),
  ),
});

export const callHangupContent: Rule<CallHangupContent> = object<CallHangupContent>({
  ...common,
  reason: optional(id),
});
