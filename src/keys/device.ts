// Devices: whom a key is for. protocol.md 1.5, 5.1.
import type { Device, ToDeviceOutcome } from "../matrix.ts";

/** A device as the key of a map. A user id contains no space. */
export function deviceKey({ userId, deviceId }: Device): string {
  return `${userId} ${deviceId}`;
}

export function sameDevice(a: Device, b: Device): boolean {
  return a.deviceId === b.deviceId && a.userId === b.userId;
}

/** The same outcome for each of some devices. */
export function outcomesFor(
  devices: readonly Device[],
  result: Omit<ToDeviceOutcome, keyof Device>,
): readonly ToDeviceOutcome[] {
  return devices.map(({ userId, deviceId }) => ({ userId, deviceId, ...result }));
}
