// CallMessage: what an `m.call.*` content says, read with every bound, and written. CS spec "Voice over IP"; MSC2746, MSC3291.
import { isFiniteNumber, isObject, isString, type JsonObject, objectOr } from "../room/json.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import { type HangupReason, hangupReasonOf } from "./hangup-reason.ts";
import type { Signal } from "./negotiation-model.ts";
import type { Candidate, Description } from "./peer-connection.ts";
import { longestSdp } from "./sdp.ts";
import { metadataContent, metadataIn, type StreamMetadata } from "./stream-metadata.ts";

/** What one message says, without whose it is. */
export type CallBody =
  | {
      readonly kind: "invite";
      readonly description: Description;
      readonly metadata: StreamMetadata | undefined;
      readonly lifetimeMs: number;
      readonly invitee: string | undefined;
    }
  | { readonly kind: "answer"; readonly description: Description; readonly metadata: StreamMetadata | undefined }
  | {
      readonly kind: "negotiate";
      readonly description: Description;
      readonly metadata: StreamMetadata | undefined;
      readonly lifetimeMs: number;
    }
  | { readonly kind: "candidates"; readonly candidates: readonly Candidate[] }
  | { readonly kind: "metadata"; readonly metadata: StreamMetadata }
  | { readonly kind: "select_answer"; readonly selectedPartyId: string }
  /** A reason is no part of the specification. matrix-js-sdk reads it, and others ignore it. */
  | { readonly kind: "reject"; readonly reason: HangupReason }
  | { readonly kind: "hangup"; readonly reason: HangupReason }
  | { readonly kind: "identity"; readonly identity: AssertedIdentity | undefined };

/** The person at the other end, as a gateway names them. Show it, and never trust it. MSC3086. */
export interface AssertedIdentity {
  readonly id?: string;
  readonly displayName?: string;
}

/** A message of a call. */
export type CallMessage = CallBody & {
  readonly callId: string;
  /** `0` is the integer 0; everything else is handled as `1`. */
  readonly version: 0 | 1;
  /** With version 0 there are no parties. */
  readonly partyId: string | undefined;
};

export const callTypes: Readonly<Record<CallBody["kind"], string>> = {
  invite: "m.call.invite",
  answer: "m.call.answer",
  negotiate: "m.call.negotiate",
  candidates: "m.call.candidates",
  metadata: "m.call.sdp_stream_metadata_changed",
  select_answer: "m.call.select_answer",
  reject: "m.call.reject",
  hangup: "m.call.hangup",
  identity: "m.call.asserted_identity",
};

const kinds: ReadonlyMap<string, CallBody["kind"]> = new Map([
  ...Object.entries(callTypes).map(([kind, type]) => [type, kind as CallBody["kind"]] as const),
  ["org.matrix.call.sdp_stream_metadata_changed", "metadata"],
  ["org.matrix.call.asserted_identity", "identity"],
]);

/** All types that we read. */
export const callEventTypes: readonly string[] = [...kinds.keys()];

export const isCallType = (type: string): boolean => kinds.has(type);

const defaultLifetimeMs = 60_000;
const longestLifetimeMs = 600_000;
const longestId = 255;
const longestCandidate = 2_048;
/** What one message may carry at most. */
const mostCandidates = 100;

/** Reads the content of a call event or message; `undefined` for another type. Never throws. */
export function readCallMessage(type: string, content: unknown): Parsed<CallMessage> | undefined {
  const kind = kinds.get(type);
  if (!kind) return undefined;
  if (!isObject(content)) return malformed("content");
  const { call_id, party_id } = content;
  if (!isId(call_id)) return malformed("call_id");
  const version = content["version"] === 0 ? 0 : 1;
  if (version === 1 && party_id !== undefined && !isId(party_id)) return malformed("party_id");
  const body = bodies[kind](content);
  if (body.ok === undefined) return body;
  const partyId = version === 1 && isString(party_id) ? party_id : undefined;
  return parsed({ ...body.ok, callId: call_id, version, partyId });
}

const bodies: { readonly [Kind in CallBody["kind"]]: (content: JsonObject) => Parsed<CallBody> } = {
  invite(content) {
    const description = descriptionIn(content["offer"], ["offer"]);
    if (!description) return malformed("offer");
    const { invitee } = content;
    if (invitee !== undefined && !isId(invitee)) return malformed("invitee");
    return parsed({ kind: "invite", description, metadata: metadataIn(content), ...lifetimeIn(content), invitee });
  },
  answer(content) {
    const description = descriptionIn(content["answer"], ["answer"]);
    return description ? parsed({ kind: "answer", description, metadata: metadataIn(content) }) : malformed("answer");
  },
  negotiate(content) {
    const description = descriptionIn(content["description"], ["offer", "answer"]);
    if (!description) return malformed("description");
    return parsed({ kind: "negotiate", description, metadata: metadataIn(content), ...lifetimeIn(content) });
  },
  candidates({ candidates }) {
    if (!Array.isArray(candidates)) return malformed("candidates");
    return parsed({ kind: "candidates", candidates: candidates.slice(0, mostCandidates).flatMap(candidateIn) });
  },
  metadata(content) {
    const metadata = metadataIn(content);
    return metadata ? parsed({ kind: "metadata", metadata }) : malformed("sdp_stream_metadata");
  },
  select_answer: ({ selected_party_id: selectedPartyId }) =>
    isId(selectedPartyId) ? parsed({ kind: "select_answer", selectedPartyId }) : malformed("selected_party_id"),
  reject: ({ reason }) => parsed({ kind: "reject", reason: hangupReasonOf(reason) }),
  hangup: ({ reason }) => parsed({ kind: "hangup", reason: hangupReasonOf(reason) }),
  identity({ asserted_identity: asserted }) {
    if (!isObject(asserted)) return parsed({ kind: "identity", identity: undefined });
    const { id, display_name: displayName } = asserted;
    return parsed({
      kind: "identity",
      identity: { ...(isId(id) && { id }), ...(isId(displayName) && { displayName }) },
    });
  },
};

const isId = (value: unknown): value is string => isString(value) && value !== "" && value.length <= longestId;

/** Its type is what the browser says it is: anything else that WebRTC may come to know is no offer and no answer. */
function descriptionIn(value: unknown, types: readonly string[]): Description | undefined {
  const { type, sdp } = objectOr(value);
  if (!isString(type) || !types.includes(type) || !isString(sdp) || sdp.length > longestSdp) return undefined;
  return { type: type as Description["type"], sdp };
}

function lifetimeIn({ lifetime }: JsonObject): { readonly lifetimeMs: number } {
  const isGiven = isFiniteNumber(lifetime) && lifetime > 0;
  return { lifetimeMs: Math.min(isGiven ? lifetime : defaultLifetimeMs, longestLifetimeMs) };
}

/** One that names neither a section nor its index fits nowhere, unless it is the end of all. It never harms the call. */
function candidateIn(value: unknown): Candidate[] {
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = objectOr(value);
  if (!isString(candidate) || candidate.length > longestCandidate) return [];
  const mid = isString(sdpMid) && sdpMid.length <= longestId ? sdpMid : null;
  const index = Number.isInteger(sdpMLineIndex) && (sdpMLineIndex as number) >= 0 ? (sdpMLineIndex as number) : null;
  if (mid === null && index === null && candidate !== "") return [];
  const ufrag = isId(usernameFragment) ? { usernameFragment } : {};
  return [{ candidate, sdpMid: mid, sdpMLineIndex: index, ...ufrag }];
}

/** Writes what a message says, without the fields that all messages of a call share. */
export function callContent(body: CallBody): JsonObject {
  switch (body.kind) {
    case "invite":
      return {
        offer: body.description,
        lifetime: body.lifetimeMs,
        ...(body.invitee !== undefined && { invitee: body.invitee }),
        ...metadataContent(body.metadata),
      };
    case "answer":
      return { answer: body.description, ...metadataContent(body.metadata) };
    case "negotiate":
      return {
        description: body.description,
        lifetime: body.lifetimeMs,
        ...metadataContent(body.metadata),
      };
    case "candidates":
      return { candidates: body.candidates };
    case "metadata":
      return metadataContent(body.metadata);
    case "select_answer":
      return { selected_party_id: body.selectedPartyId };
    case "hangup":
      return { reason: body.reason };
    case "reject":
      return body.reason === "user_hangup" ? {} : { reason: body.reason };
    case "identity":
      return {};
  }
}

/** How a link says something in a call: the first offer is the invite, and the first answer the answer. */
export function bodyOf(
  signal: Signal,
  call: { readonly isFirst: boolean; readonly lifetimeMs: number; readonly invitee?: string | undefined },
): CallBody {
  if (signal.kind !== "description") return signal;
  const { description, metadata } = signal;
  const { isFirst, lifetimeMs, invitee } = call;
  if (!isFirst) return { kind: "negotiate", description, metadata, lifetimeMs };
  return description.type === "offer"
    ? { kind: "invite", description, metadata, lifetimeMs, invitee }
    : { kind: "answer", description, metadata };
}

/** What a message says to a link; undefined if that is nothing. */
export function signalOf(message: CallMessage): Signal | undefined {
  if (message.kind === "candidates" || message.kind === "metadata") return message;
  if (!("description" in message)) return undefined;
  const { description, metadata, version } = message;
  return { kind: "description", description, metadata, negotiates: version === 1 };
}
