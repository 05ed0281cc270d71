// Proof: the device of a user to which an identity key belongs. Encryption proves the key; the user's device list names the
// device. protocol.md 5.4 (6), 11 (11).
import type { MatrixClient } from "matrix-js-sdk";
import type { ToDeviceMessage } from "../matrix.ts";

type Proof = NonNullable<ToDeviceMessage["proof"]>;

/** A new device may send before the device list that names it has arrived. */
const retryAfterMs = [0, 500, 1_500, 4_000];

/** Finds the user's device with this Curve25519 identity key. Without a result the proof names no device. Never rejects. */
export async function proofOf(client: MatrixClient, userId: string, identityKey: string): Promise<Proof> {
  for (const waitMs of retryAfterMs) {
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const proof = await lookUp(client, userId, identityKey).catch(() => undefined);
    if (proof) return proof;
  }
  return { crossSigned: false };
}

async function lookUp(client: MatrixClient, userId: string, identityKey: string): Promise<Proof | undefined> {
  const crypto = client.getCrypto();
  const devices = (await crypto?.getUserDeviceInfo([userId], true))?.get(userId)?.values() ?? [];
  for (const device of devices) {
    if (device.getIdentityKey() !== identityKey) continue;
    const status = await crypto?.getDeviceVerificationStatus(userId, device.deviceId);
    return { deviceId: device.deviceId, crossSigned: status?.signedByOwner ?? false };
  }
  return undefined;
}
