// Presumed: members whose membership event we cannot read, because it was encrypted before we entered the room.
// protocol.md 5.8, 14.1. Their key message, their media and that event agree. They are never in `membership$`.
import { participantIdentity } from "../membership/identity.ts";
import type { Rejection } from "../membership/rejection.ts";
import type { Membership } from "../types.ts";
import { type CallMember, idsOf, type MemberIds, sameDevice } from "./device.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** A member that is in the call by all that we see, except for its membership event. */
export interface PresumedMember extends CallMember {
  readonly isPresumed: true;
  /** The event that we cannot read. It is the evidence for no other presumed member. */
  readonly eventId: string;
}

/** What decides about presumed members. */
export interface Evidence {
  readonly members: readonly Membership[];
  /** Events that look like members but are not, as far as they are current. */
  readonly rejections: readonly Rejection[];
  readonly isInRoom: (userId: string) => boolean;
}

/**
 * Presumes a member whose device has sent us a key and whose media comes, if its user has an event that we cannot read.
 *
 * @param presumed Who is presumed already.
 */
export function presume(
  candidate: MemberIds,
  presumed: readonly PresumedMember[],
  evidence: Evidence,
): PresumedMember | undefined {
  if (presumed.some((other) => sameDevice(other, candidate))) return undefined;
  const isFree = ({ eventId }: Rejection) => presumed.every((other) => other.eventId !== eventId);
  const event = evidence.rejections.find((rejection) => isUnreadable(rejection, candidate) && isFree(rejection));
  if (!event) return undefined;
  const { eventId } = event;
  const instance = `presumed ${eventId}`;
  const member = { ...idsOf(candidate), kind: "sticky", instance, isPresumed: true, eventId } as const;
  return isStillPresumed(member, evidence) ? member : undefined;
}

/** Whether a presumed member stays one: nothing says that it has left, and no event that can be read says who it is. */
export function isStillPresumed(member: PresumedMember, { members, rejections, isInRoom }: Evidence): boolean {
  const hasLeft = ({ reason, userId, stickyKey }: Rejection) =>
    reason === "left" && userId === member.userId && stickyKey === member.memberId;
  return (
    isInRoom(member.userId) &&
    rejections.some((rejection) => isUnreadable(rejection, member) && rejection.eventId === member.eventId) &&
    !rejections.some(hasLeft) &&
    !members.some((other) => other.kind === "sticky" && sameDevice(other, member))
  );
}

const isUnreadable = ({ reason, kind, userId }: Rejection, member: MemberIds): boolean =>
  reason === "undecryptable" && kind === "sticky" && userId === member.userId;

const idsOfKeys = new WeakMap<VerifiedKey, MemberIds>();

/** The member that a key message claims to be of, with the LiveKit identity of its device and member id. */
export function claimedIds(key: VerifiedKey): MemberIds | undefined {
  const { userId, deviceId, memberId } = key;
  if (memberId === undefined) return undefined;
  // Hashed once for each key.
  const known = idsOfKeys.get(key);
  if (known) return known;
  const ids = {
    userId,
    deviceId,
    memberId,
    participantIdentity: participantIdentity("sticky", userId, deviceId, memberId),
  };
  idsOfKeys.set(key, ids);
  return ids;
}
