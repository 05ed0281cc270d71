// Proof: which device of a user an identity key belongs to. Encryption proves the key; the user's list of devices says
// whose it is. protocol.md 5.4 (6), 11 (11).
import type { MatrixClient } from "matrix-js-sdk";
import type { ToDeviceMessage } from "../matrix.ts";

type Proof = NonNullable<ToDeviceMessage["proof"]>;

/** A new device may write before the list that has it comes in. */
const lookAgainMs = [0, 500, 1_500, 4_000];

/** The user's device that has this Curve25519 identity key, if there is one. Never rejects. */
export async function proofOf(client: MatrixClient, userId: string, identityKey: string): Promise<Proof> {
  for (const waitMs of lookAgainMs) {
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const proof = await look(client, userId, identityKey).catch(() => undefined);
    if (proof) return proof;
  }
  return { crossSigned: false };
}

async function look(client: MatrixClient, userId: string, identityKey: string): Promise<Proof | undefined> {
  const crypto = client.getCrypto();
  const devices = (await crypto?.getUserDeviceInfo([userId], true))?.get(userId)?.values() ?? [];
  for (const device of devices) {
    if (device.getIdentityKey() !== identityKey) continue;
    const status = await crypto?.getDeviceVerificationStatus(userId, device.deviceId);
    return { deviceId: device.deviceId, crossSigned: status?.signedByOwner ?? false };
  }
  return undefined;
}
