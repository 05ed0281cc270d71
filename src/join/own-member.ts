// Own member: who we are in each instance of our membership, and where the room shows us. protocol.md 1.5, 6.1.
import type { Matrix } from "../matrix.ts";
import { participantIdentity } from "../membership/identity.ts";
import type { Generation, Membership, OwnMember } from "../types.ts";
import type { ReplacedMember } from "./model.ts";

/** How many earlier instances are remembered: we may still have to send their leaves. */
const maxRemembered = 10;

/**
 * Who we are after each re-join. A sticky member is a new one each time, unless its id is given. A state member is always
 * its device, and always the same object: media and keys go on.
 */
export function ownMembers(
  { userId, deviceId }: Matrix,
  kind: OwnMember["kind"],
  generation: Generation,
  givenId?: string,
): (joinCount: number) => OwnMember {
  const members = new Map<number, OwnMember>();
  const memberOf = (memberId: string): OwnMember => {
    const identity = participantIdentity(kind, userId, deviceId, memberId, generation);
    return { kind, userId, deviceId, memberId, participantIdentity: identity };
  };
  const lastingId = kind === "state" ? `${userId}:${deviceId}` : givenId;
  if (lastingId !== undefined) {
    const member = memberOf(lastingId);
    return () => member;
  }
  return (joinCount) => {
    const known = members.get(joinCount);
    if (known) return known;
    const member = memberOf(crypto.randomUUID());
    members.set(joinCount, member);
    members.delete(joinCount - maxRemembered);
    return member;
  };
}

/** Other sticky members of this device in the list: earlier instances, or members that an earlier page left behind. */
export function findStrays(
  memberships: readonly Membership[],
  joinCount: number,
  memberOf: (joinCount: number) => OwnMember,
): readonly ReplacedMember[] {
  const own = memberOf(joinCount);
  if (own.kind === "state") return [];
  return memberships
    .filter(({ kind, userId, deviceId }) => kind === "sticky" && userId === own.userId && deviceId === own.deviceId)
    .filter(({ memberId }) => memberId !== own.memberId)
    .map(({ memberId }) => instanceOf(memberId, joinCount, memberOf) ?? memberId);
}

/** Which of our earlier instances a member is. */
function instanceOf(
  memberId: string,
  joinCount: number,
  memberOf: (joinCount: number) => OwnMember,
): number | undefined {
  for (let count = Math.max(0, joinCount - maxRemembered + 1); count < joinCount; count += 1)
    if (memberOf(count).memberId === memberId) return count;
  return undefined;
}

/** Our entry in the list: a sticky one is ours by its member id, a state one by its device, whatever event shows it. */
export function findOwn(memberships: readonly Membership[], own: OwnMember): Membership | undefined {
  return memberships.find(
    (member) =>
      member.userId === own.userId &&
      (own.kind === "state" ? member.deviceId === own.deviceId : member.memberId === own.memberId),
  );
}
