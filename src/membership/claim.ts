// Claim: what a membership event says by itself, before the rules of the room are applied. protocol.md 2.
import { isUrlText, isWord } from "../room/bounds.ts";
import { isObject, type JsonObject } from "../room/json.ts";
import { parsed, type Parsed } from "../room/parsed.ts";
import type { Membership, Transport } from "../types.ts";

/** What a valid membership event says. It makes a member unless a rule of the room rejects it. */
export type MembershipClaim = Omit<Membership, "participantIdentity">;

/** What one membership event says: a claim, or that its sender has left. `malformed` is the path of its first wrong field. */
export type DecodedMembership = Parsed<MembershipClaim | "left">;

export const left: Parsed<"left"> = parsed("left");

/** The path of the first error in a list of transports. Undefined for a valid list. */
export function transportError(value: unknown, path: string): string | undefined {
  if (!Array.isArray(value)) return path;
  const index = value.findIndex((item) => !isObject(item) || !isWord(item["type"]));
  if (index < 0) return undefined;
  return isObject(value[index]) ? `${path}[${index}].type` : `${path}[${index}]`;
}

/** The transports of a list without errors. A URL that is no string or too long is left out: the member counts, without its media. */
export function transportsIn(list: unknown): readonly Transport[] {
  const transports = list as readonly Transport[];
  return transports.every(hasValidUrl) ? transports : transports.map(withValidUrl);
}

const mayBeUrl = (value: unknown) => value === undefined || isUrlText(value);

const hasValidUrl = ({ livekit_service_url, url }: Transport) => mayBeUrl(livekit_service_url) && mayBeUrl(url);

function withValidUrl(transport: Transport): Transport {
  if (hasValidUrl(transport)) return transport;
  const { livekit_service_url, url, ...rest } = transport;
  return { ...rest, ...(isUrlText(livekit_service_url) && { livekit_service_url }), ...(isUrlText(url) && { url }) };
}

/** The intent, if it is a string of a sensible length. */
export const intentIn = (content: JsonObject): string | undefined => {
  const intent = content["m.call.intent"];
  return isWord(intent) ? intent : undefined;
};
