// The LiveKit identity of a member. protocol.md 6.1, vectors 12.1.
import { sha256 } from "@noble/hashes/sha2.js";
import { toUnpaddedBase64 } from "../room/base64.ts";

/** `H(list)`: the SHA-256 of the canonical JSON of a list of strings, in unpadded standard base64. */
export function hashOf(list: readonly string[]): string {
  return toUnpaddedBase64(sha256(new TextEncoder().encode(JSON.stringify(list))));
}

/** The identity under which a member publishes: a hash for a sticky member, `user:device` for a state member. */
export function participantIdentity(
  kind: "state" | "sticky",
  userId: string,
  deviceId: string,
  memberId: string,
): string {
  return kind === "sticky" ? hashOf([userId, deviceId, memberId]) : `${userId}:${deviceId}`;
}
