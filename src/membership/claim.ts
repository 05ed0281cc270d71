// Claim: what a membership event says of its sender, before the room has its word. protocol.md 2.
import { isObject, isString, type JsonObject } from "../room/json.ts";
import type { Membership, Transport } from "../types.ts";

/** A valid content with its sender and its times: a member but for the identity, should nothing speak against it. */
export type Claim = Omit<Membership, "participantIdentity">;

/** An event makes a claim, says that its sender has left, or has a field that is not as it must be. */
export type Parsed =
  | { readonly kind: "claim"; readonly claim: Claim }
  | { readonly kind: "left" }
  | { readonly kind: "malformed"; readonly path: string };

export const left: Parsed = { kind: "left" };

export const malformed = (path: string): Parsed => ({ kind: "malformed", path });

/** The path of what is wrong with a list of transports; undefined if all is well. */
export function transportFault(value: unknown, path: string): string | undefined {
  if (!Array.isArray(value)) return path;
  const index = value.findIndex((item) => !isObject(item) || !isString(item["type"]));
  if (index < 0) return undefined;
  return isObject(value[index]) ? `${path}[${index}].type` : `${path}[${index}]`;
}

/** The transports in a list without fault. An address that is no string counts as none: the member stays, without media. */
export function transportsIn(list: unknown): readonly Transport[] {
  const transports = list as readonly Transport[];
  return transports.every(hasHonestAddress) ? transports : transports.map(withHonestAddress);
}

const hasHonestAddress = ({ livekit_service_url: address }: Transport) => address === undefined || isString(address);

function withHonestAddress(transport: Transport): Transport {
  if (hasHonestAddress(transport)) return transport;
  const { livekit_service_url: _, ...rest } = transport;
  return rest;
}

/** An intent that is a string; anything else counts as none. */
export const intentIn = (content: JsonObject): string | undefined => {
  const intent = content["m.call.intent"];
  return isString(intent) ? intent : undefined;
};
