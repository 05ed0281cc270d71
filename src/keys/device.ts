// Devices and membership instances: whom a key is for. protocol.md 1.5, 5.1.
import type { Device } from "../matrix.ts";
import type { Membership } from "../types.ts";

/** A device as the key of a map. A user id contains no space. */
export function deviceKey({ userId, deviceId }: Device): string {
  return `${userId} ${deviceId}`;
}

export function sameDevice(a: Device, b: Device): boolean {
  return a.deviceId === b.deviceId && a.userId === b.userId;
}

/**
 * What stays the same for as long as a device is in the call without interruption: it differs after a re-join, but not
 * after an hourly refresh or a change of intent.
 */
export function fingerprint({ kind, userId, deviceId, memberId, createdTs }: Membership): string {
  return JSON.stringify([userId, deviceId, kind === "sticky" ? memberId : createdTs]);
}
