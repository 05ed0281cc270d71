// Roster: with whom we are to have a pair now. Pure. protocol.md 10.5.
import type { Membership } from "../../types.ts";
import { callsFirst, isSameDevice, isSamePeer, type PeerId, peerIdOf } from "./peer-id.ts";
import { isInMesh } from "./mesh-transport.ts";

/** A peer that is to have a pair with us. */
export interface Paired {
  readonly peer: PeerId;
  readonly member: Membership;
  readonly isCaller: boolean;
}

/** A pair that there is. */
export interface PresentPair extends Paired {
  readonly isConnected: boolean;
}

export interface RosterInputs {
  readonly members: readonly Membership[];
  /** Our stay, which the room may not show yet. Without it there are no pairs. */
  readonly own: PeerId | undefined;
  /** How many members the mesh carries, ourselves included. The oldest are in it, so that all agree who. */
  readonly limit: number;
  readonly present: readonly PresentPair[];
  readonly isInRoom: (userId: string) => boolean;
  readonly now: number;
}

export interface Roster {
  readonly paired: readonly Paired[];
  /** Members of the mesh that are too many for it. We may be one of them. */
  readonly surplus: readonly Membership[];
}

export function rosterOf({ members, own, limit, present, isInRoom, now }: RosterInputs): Roster {
  const inMesh = members.filter(isInMesh);
  const carried = inMesh.slice(0, limit);
  const surplus = inMesh.slice(limit);
  if (!own) return { paired: [], surplus };
  // While the room does not show our stay, we are the youngest.
  const place = inMesh.findIndex((member) => isSamePeer(peerIdOf(member), own));
  const older = place < 0 ? inMesh.filter((member) => !isSameDevice(member, own)).length : place;
  if (older >= limit) return { paired: [], surplus };
  const paired = carried
    .filter((member) => !isSameDevice(member, own))
    .map((member): Paired => {
      const peer = peerIdOf(member);
      return { peer, member, isCaller: callsFirst(own, peer) };
    });
  // A membership that merely lapsed does not cut a connection that works. One that was ended does.
  const lapsed = present.filter(
    ({ peer, member, isConnected }) =>
      isConnected &&
      member.expiresTs <= now &&
      isInRoom(peer.userId) &&
      !members.some((other) => isSameDevice(other, peer)) &&
      !paired.some((other) => isSamePeer(other.peer, peer)),
  );
  return { paired: [...paired, ...lapsed], surplus };
}
