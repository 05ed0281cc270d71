// Own member: who we are in each instance of our membership, and where the room shows us. protocol.md 1.5, 6.1.
import type { Matrix } from "../matrix.ts";
import { participantIdentity } from "../membership/identity.ts";
import type { Membership, OwnMember } from "../types.ts";

/** How many earlier instances are remembered: we may still have to send their leaves. */
const maxRemembered = 10;

/** Who we are after each re-join. A sticky member is a new one each time; a state member is always its device. */
export function ownMembers({ userId, deviceId }: Matrix, kind: OwnMember["kind"]): (joinCount: number) => OwnMember {
  const members = new Map<number, OwnMember>();
  return (joinCount) => {
    const known = members.get(joinCount);
    if (known) return known;
    const memberId = kind === "sticky" ? crypto.randomUUID() : `${userId}:${deviceId}`;
    const identity = participantIdentity(kind, userId, deviceId, memberId);
    const member: OwnMember = { kind, userId, deviceId, memberId, participantIdentity: identity };
    members.set(joinCount, member);
    members.delete(joinCount - maxRemembered);
    return member;
  };
}

/** Our entry in the list: a sticky one is ours by its member id, a state one by its device, whatever event shows it. */
export function findOwn(memberships: readonly Membership[], own: OwnMember): Membership | undefined {
  return memberships.find(
    (member) =>
      member.userId === own.userId &&
      member.deviceId === own.deviceId &&
      (own.kind === "state" || member.memberId === own.memberId),
  );
}
