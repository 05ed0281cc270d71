// SfuPlan: which LiveKit servers to be connected to, and for which members. Pure. protocol.md 6.5; section 11, row 14.
import { transportOf } from "../membership/transport.ts";
import type { Membership, OwnMember } from "../types.ts";

/** A LiveKit server that we need, by the URL of its authorisation service. */
export interface PlannedSfu {
  readonly url: string;
  readonly purpose: "publish" | "subscribe";
  /** The first member that names it. Undefined if it is our own. */
  readonly namedBy: Membership | undefined;
}

const maxSfus = 10;

/** The address that a member publishes at. */
export function serviceOf(member: Membership, members: readonly Membership[]): string | undefined {
  const [oldest] = members;
  return oldest && transportOf(member, oldest)?.livekit_service_url;
}

/**
 * Our own server first, to publish on, then those of the others, oldest member first. Others name addresses, so each user
 * counts with one, and there are ten at most.
 *
 * @param ownUrl The address of our own transport. In `legacy`, the oldest member may name another one.
 */
export function planSfus(own: OwnMember, ownUrl: string, members: readonly Membership[]): readonly PlannedSfu[] {
  const ownMembership = members.find(({ participantIdentity }) => participantIdentity === own.participantIdentity);
  // Until our own membership shows the new transport, the others still look for us at the old one.
  const isOnOldest = ownMembership?.focusSelection === "oldest_membership";
  const publishUrl = (isOnOldest ? serviceOf(ownMembership, members) : undefined) ?? ownUrl;
  const namedBy = publishUrl === ownUrl ? undefined : members[0];
  const plan = new Map<string, PlannedSfu>([[publishUrl, { url: publishUrl, purpose: "publish", namedBy }]]);
  const users = new Set<string>();
  for (const member of members) {
    const url = serviceOf(member, members);
    if (url === undefined || member === ownMembership || plan.has(url) || users.has(member.userId)) continue;
    if (plan.size === maxSfus) break;
    users.add(member.userId);
    plan.set(url, { url, purpose: "subscribe", namedBy: member });
  }
  return [...plan.values()];
}
