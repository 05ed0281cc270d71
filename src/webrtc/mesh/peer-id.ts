// PeerId: one stay of a device in the call, as both sides know it from its membership event. protocol.md 10.5.
import type { Device } from "../../matrix.ts";
import type { Membership } from "../../types.ts";
import { stayNameIn } from "./mesh-transport.ts";

export interface PeerId extends Device {
  /** Another one after each join. */
  readonly sessionId: string;
}

/**
 * A sticky member is known by its member id. A state member is known by the name that it has chosen for its stay, or
 * otherwise by its device and by when it says that it joined.
 */
export function peerIdOf(member: Membership): PeerId {
  const { kind, userId, deviceId, memberId, instance } = member;
  return { userId, deviceId, sessionId: kind === "sticky" ? memberId : (stayNameIn(member) ?? onTheWire(instance)) };
}

/** `<user id>:<device id> <created_ts>`. Inside this library the time has two parts. `spec/webrtc/mesh/rules.spec.ts` holds both. */
const onTheWire = (instance: string): string =>
  instance.replace(/ (\d+)_(\d+)$/, (_, millions: string, rest: string) => ` ${Number(millions) * 1e6 + Number(rest)}`);

export const isSamePeer = (a: PeerId, b: PeerId): boolean => peerKey(a) === peerKey(b);

export const isSameDevice = (a: Device, b: Device): boolean => a.deviceId === b.deviceId && a.userId === b.userId;

/** A peer as the key of a map. */
export const peerKey = ({ userId, deviceId, sessionId }: PeerId): string =>
  JSON.stringify([userId, deviceId, sessionId]);

/** Whether `a` calls `b`: the smaller user id calls. If the users are the same, the smaller device id does, and then the smaller session. MSC3401. */
export function callsFirst(a: PeerId, b: PeerId): boolean {
  if (a.userId !== b.userId) return a.userId < b.userId;
  if (a.deviceId !== b.deviceId) return a.deviceId < b.deviceId;
  return a.sessionId < b.sessionId;
}
