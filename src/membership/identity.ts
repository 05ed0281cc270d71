// The LiveKit identity of a member. protocol.md 6.1, vectors 12.1.
// The hash itself: its wrapper `sha256` checks options that we do not give, in a quarter of a kilobyte.
import { _SHA256 } from "@noble/hashes/sha2.js";

/** `H(list)`: unpadded standard base64 of the SHA-256 of the canonical JSON of a list of strings. */
export function hashOf(list: readonly string[]): string {
  const digest = new _SHA256().update(new TextEncoder().encode(JSON.stringify(list))).digest();
  return btoa(String.fromCharCode(...digest)).replace(/=+$/, "");
}

/** Under which identity a member publishes: hashed for a sticky member, `user:device` for a state member. */
export function participantIdentity(
  kind: "state" | "sticky",
  userId: string,
  deviceId: string,
  memberId: string,
): string {
  return kind === "sticky" ? hashOf([userId, deviceId, memberId]) : `${userId}:${deviceId}`;
}
