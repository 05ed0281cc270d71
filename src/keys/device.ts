// Device: the ids of members and devices, and their comparison. protocol.md 1.5, 5.1.
import type { Device } from "../matrix.ts";
import type { Membership } from "../types.ts";

/** What names a member in keys and statuses. */
export type MemberIds = Pick<Membership, "userId" | "deviceId" | "memberId" | "participantIdentity">;

/** What the exchange of keys needs of a member. */
export type CallMember = MemberIds & Pick<Membership, "kind" | "instance"> & { readonly isPresumed?: boolean };

export function idsOf({ userId, deviceId, memberId, participantIdentity }: MemberIds): MemberIds {
  return { userId, deviceId, memberId, participantIdentity };
}

/** A device as the key of a map. With the length of the user id, no two devices have the same key. */
export function deviceKey({ userId, deviceId }: Device): string {
  return `${userId.length} ${userId} ${deviceId}`;
}

export function sameDevice(a: Device, b: Device): boolean {
  return a.deviceId === b.deviceId && a.userId === b.userId;
}

/** Each device once, also if it is in the call as two members. */
export function devicesOf(members: readonly Device[]): readonly Device[] {
  const devices = new Map<string, Device>();
  for (const { userId, deviceId } of members) devices.set(deviceKey({ userId, deviceId }), { userId, deviceId });
  return [...devices.values()];
}
