// EarlyCalls: candidates and ends of calls whose invite has not come yet. Within bounds. Pure.
import type { Candidate } from "../peer-connection.ts";
import { type CallArrival, partyKey, partyOf } from "./ongoing.ts";
import type { VoipParty } from "./voip-state.ts";

/** One message of a call that is not known. */
interface EarlySign {
  readonly roomId: string;
  readonly callId: string;
  readonly party: VoipParty;
  /** What it was: candidates of that party, or a sign that the call is over. */
  readonly candidates: readonly Candidate[];
  readonly kind: "candidates" | "answer" | "reject" | "hangup" | "select_answer";
  readonly untilTs: number;
}

export type EarlyCalls = readonly EarlySign[];

const keptMs = 120_000;
const most = 500;
const mostPerUser = 50;
const mostPerCall = 20;

/** Keeps a message of an unknown call. There is a limit for each call, for each user and for all: beyond it, the oldest message goes. */
export function rememberEarly(early: EarlyCalls, arrival: CallArrival, now: number): EarlyCalls {
  const { roomId, message } = arrival;
  const { callId, kind } = message;
  if (!["candidates", "answer", "reject", "hangup", "select_answer"].includes(kind)) return early;
  const sign: EarlySign = {
    roomId,
    callId,
    party: partyOf(arrival),
    candidates: message.kind === "candidates" ? message.candidates : [],
    kind: kind as EarlySign["kind"],
    untilTs: now + keptMs,
  };
  const fresh = [...early.filter(({ untilTs }) => untilTs > now), sign];
  const ofCall = (one: EarlySign) => one.callId === callId && one.party.userId === arrival.userId;
  const ofUser = (one: EarlySign) => one.party.userId === arrival.userId;
  return withinLimit(withinLimit(withinLimit(fresh, ofCall, mostPerCall), ofUser, mostPerUser), () => true, most);
}

/** What came early of a call, and everything else. */
export function takeEarly(
  early: EarlyCalls,
  roomId: string,
  callId: string,
): { readonly signs: EarlyCalls; readonly rest: EarlyCalls } {
  const isOfCall = (sign: EarlySign) => sign.roomId === roomId && sign.callId === callId;
  return { signs: early.filter(isOfCall), rest: early.filter((sign) => !isOfCall(sign)) };
}

export const earlyCandidatesOf = (signs: EarlyCalls, party: VoipParty): readonly Candidate[] =>
  signs.flatMap((sign) => (partyKey(sign.party) === partyKey(party) ? sign.candidates : []));

/** Whether an invite of `caller` had ended before it came: hung up by its caller, or dealt with by a device of `userId`. */
export const hadEnded = (signs: EarlyCalls, caller: VoipParty, userId: string): boolean =>
  signs.some(({ kind, party }) => {
    const isCaller = partyKey(party) === partyKey(caller);
    if (kind === "hangup") return isCaller || party.userId === userId;
    if (kind === "select_answer") return isCaller;
    return (kind === "answer" || kind === "reject") && party.userId === userId && !isCaller;
  });

function withinLimit(signs: EarlyCalls, isCounted: (sign: EarlySign) => boolean, limit: number): EarlyCalls {
  const counted = signs.filter(isCounted);
  if (counted.length <= limit) return signs;
  const dropped = new Set(counted.slice(0, counted.length - limit));
  return signs.filter((sign) => !dropped.has(sign));
}
