// Claim: what the content of a membership event says about its sender, before the room has its word. protocol.md 2.
import type { Application, Transport } from "../types.ts";
import { isObject, isString, type JsonObject } from "../room/json.ts";

/** The fields of a valid content. Times are absolute. */
export interface Claim {
  readonly slot: string;
  readonly deviceId: string;
  readonly memberId: string;
  readonly application: Application;
  readonly intent: string | undefined;
  readonly transports: readonly Transport[];
  readonly focusSelection: string | undefined;
  readonly createdTs: number;
  readonly expiresTs: number;
}

/** A content is a claim, says that its sender has left, or has a field that is not as it must be. */
export type Parsed =
  | { readonly kind: "claim"; readonly claim: Claim }
  | { readonly kind: "left" }
  | { readonly kind: "malformed"; readonly path: string };

export const left: Parsed = { kind: "left" };

export const malformed = (path: string): Parsed => ({ kind: "malformed", path });

/** The path of the first item of a list of transports that is none, or of the list itself; undefined if all is well. */
export function transportFault(value: unknown, path: string): string | undefined {
  if (!Array.isArray(value)) return path;
  const index = value.findIndex((item) => !isObject(item) || !isString(item["type"]));
  return index < 0 ? undefined : `${path}[${index}]`;
}

/** An intent that is a string; anything else counts as none. */
export const intentIn = (content: JsonObject): string | undefined => {
  const intent = content["m.call.intent"];
  return isString(intent) ? intent : undefined;
};
