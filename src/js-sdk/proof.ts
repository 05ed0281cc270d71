// Proof: which device of its sender a message came from. Olm proves the identity key; the sender's device list says
// whose key that is. protocol.md 5.4 (6), 11 (11).
import type { MatrixClient, ReceivedToDeviceMessage } from "matrix-js-sdk";
import type { ToDeviceMessage } from "../matrix.ts";

type Olm = NonNullable<ReceivedToDeviceMessage["encryptionInfo"]>;
type Proof = NonNullable<ToDeviceMessage["proof"]>;

/** A new device may write before its sender's list has come in. */
const lookAgainMs = [0, 500, 1_500, 4_000];

/**
 * The device with the identity key that the message was encrypted with. The name of the device that comes with the
 * message proves nothing: it is its own claim. Never rejects.
 */
export async function proofOf(client: MatrixClient, olm: Olm): Promise<Proof> {
  for (const waitMs of lookAgainMs) {
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const proof = await look(client, olm).catch(() => undefined);
    if (proof) return proof;
  }
  return { crossSigned: false };
}

async function look(client: MatrixClient, { sender, senderCurve25519KeyBase64: key }: Olm): Promise<Proof | undefined> {
  const crypto = client.getCrypto();
  const devices = (await crypto?.getUserDeviceInfo([sender], true))?.get(sender)?.values() ?? [];
  for (const device of devices) {
    if (device.getIdentityKey() !== key) continue;
    const status = await crypto?.getDeviceVerificationStatus(sender, device.deviceId);
    return { deviceId: device.deviceId, crossSigned: status?.signedByOwner ?? false };
  }
  return undefined;
}
