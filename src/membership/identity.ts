// The LiveKit identity of a member. protocol.md 6.1, vectors 12.1.
import { sha256 } from "../room/sha256.ts";
import { toUnpaddedBase64 } from "../room/base64.ts";
import type { Generation } from "../types.ts";

/** `H(list)`: the SHA-256 of the canonical JSON of a list of strings, in unpadded standard base64. */
export function hashOf(list: readonly string[]): string {
  return toUnpaddedBase64(sha256(new TextEncoder().encode(JSON.stringify(list))));
}

/**
 * The identity under which a member publishes: a hash for a sticky member, `user:device` for a state member. The hash of the
 * stable generation has no device in it.
 */
export function participantIdentity(
  kind: "state" | "sticky",
  userId: string,
  deviceId: string,
  memberId: string,
  generation: Generation = "deployed",
): string {
  if (kind === "state") return `${userId}:${deviceId}`;
  return hashOf(generation === "stable" ? [userId, memberId] : [userId, deviceId, memberId]);
}
