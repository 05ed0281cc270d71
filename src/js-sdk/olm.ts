// Olm: encrypts a message for each of several devices. protocol.md 5.2.
import type { MatrixClient } from "matrix-js-sdk";
import type { Device } from "../matrix.ts";

type Crypto = NonNullable<ReturnType<MatrixClient["getCrypto"]>>;

/** A message encrypted for exactly one device. */
export type Sealed = Awaited<ReturnType<Crypto["encryptToDeviceMessages"]>>["batch"][number];

/** Encrypts a message for each device. A device without a result is not known to exist. */
export async function seal(
  crypto: Crypto,
  devices: readonly Device[],
  type: string,
  content: object,
): Promise<readonly Sealed[]> {
  const { batch: sealed } = await crypto.encryptToDeviceMessages(type, [...devices], content);
  const missing = missingDevices(devices, sealed);
  if (missing.length === 0) return sealed;
  // The device list of a user may still be loading; this call waits for it.
  const lists = await crypto.getUserDeviceInfo([...new Set(missing.map(({ userId }) => userId))], true);
  const found = missing.filter(({ userId, deviceId }) => lists.get(userId)?.has(deviceId));
  if (found.length === 0) return sealed;
  return [...sealed, ...(await crypto.encryptToDeviceMessages(type, found, content)).batch];
}

/** The devices without an encrypted message. */
export function missingDevices(devices: readonly Device[], sealed: readonly Device[]): Device[] {
  const isSealed = new Set(sealed.map(keyOf));
  return devices.filter((device) => !isSealed.has(keyOf(device)));
}

const keyOf = ({ userId, deviceId }: Device) => JSON.stringify([userId, deviceId]);
