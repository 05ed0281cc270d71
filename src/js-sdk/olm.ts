// Olm: a message encrypted for each of several devices. protocol.md 5.2.
import type { MatrixClient } from "matrix-js-sdk";
import type { Device } from "../matrix.ts";

type Crypto = NonNullable<ReturnType<MatrixClient["getCrypto"]>>;

/** A message encrypted for one device, and for one only. */
export type Sealed = Awaited<ReturnType<Crypto["encryptToDeviceMessages"]>>["batch"][number];

/** A message for each device; those without one are not known to exist. */
export async function seal(
  crypto: Crypto,
  devices: readonly Device[],
  type: string,
  content: object,
): Promise<readonly Sealed[]> {
  const { batch: sealed } = await crypto.encryptToDeviceMessages(type, [...devices], content);
  const missing = missingDevices(devices, sealed);
  if (missing.length === 0) return sealed;
  // The list of devices of a user may still be on its way; this waits for it.
  const lists = await crypto.getUserDeviceInfo([...new Set(missing.map(({ userId }) => userId))], true);
  const found = missing.filter(({ userId, deviceId }) => lists.get(userId)?.has(deviceId));
  if (found.length === 0) return sealed;
  return [...sealed, ...(await crypto.encryptToDeviceMessages(type, found, content)).batch];
}

/** The devices for which there is no message. */
export function missingDevices(devices: readonly Device[], sealed: readonly Device[]): Device[] {
  const isSealed = new Set(sealed.map(keyOf));
  return devices.filter((device) => !isSealed.has(keyOf(device)));
}

const keyOf = ({ userId, deviceId }: Device) => `${deviceId} ${userId}`;
