// Identity: the names of rooms and participants in LiveKit: hashes, and the older readable identity.
import { createHash } from "node:crypto";

/** Unpadded standard base64 of the SHA-256 of the list as canonical JSON. */
export function hash(list: string[]): string {
  return createHash("sha256").update(JSON.stringify(list)).digest("base64").replace(/=+$/, "");
}

export const roomAlias = (roomId: string, slotId: string): string => hash([roomId, slotId]);

export const memberIdentity = (userId: string, deviceId: string, memberId: string): string =>
  hash([userId, deviceId, memberId]);

export const legacyIdentity = (userId: string, deviceId: string): string => `${userId}:${deviceId}`;
