// Calls between two users, m.call.*: typed, so that a reader of a room knows them. Client-server specification, voice over IP.
import { body, type Field, id, list, natural, object, oneOf, type Rule, url } from "./rules.ts";

/** Fields that all these events have. */
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

/** A session description of WebRTC, as `m.call.invite` and `m.call.answer` carry it. */
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

/** The content of each type of event of such a call. */
export interface VoipContents {
  "m.call.invite": CallInviteContent;
  "m.call.answer": CallAnswerContent;
  "m.call.candidates": CallCandidatesContent;
  "m.call.hangup": CallHangupContent;
}

const version: Rule<number | string> = (value, notes) => natural(value, notes) ?? id(value, notes);

type Fields = Readonly<Record<string, Field<unknown>>>;

/** The fields of one type, beside those that all have. */
const call = <C extends VoipCommon>(required: Fields, optional: Fields = {}): Rule<C> =>
  object<Record<string, unknown>>({ call_id: id, version, ...required }, { party_id: id, ...optional }) as Rule<never>;

const description = <T extends "offer" | "answer">(type: T) => object({ type: oneOf(type), sdp: body }, {});

export const voipRules: { readonly [T in keyof VoipContents]: Rule<VoipContents[T]> } = {
  "m.call.invite": call({ offer: description("offer") }, { lifetime: natural, invitee: id }),
  "m.call.answer": call({ answer: description("answer") }),
  "m.call.candidates": call({
    candidates: list(object<Candidate>({ candidate: url }, { sdpMid: id, sdpMLineIndex: natural })),
  }),
  "m.call.hangup": call({}, { reason: id }),
};
