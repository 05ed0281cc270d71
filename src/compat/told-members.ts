// ToldMembers: members that somebody names, without a room, in the form that our join and our keys read. protocol.md 3, 5.1.
import type { Membership, OwnMember } from "../types.ts";
import type { CallMembership } from "./call-membership.ts";

type Needed = Pick<
  Membership,
  "kind" | "userId" | "deviceId" | "memberId" | "instance" | "createdTs" | "participantIdentity" | "eventId"
>;

/** Joins and keys read no more of a member. */
const bare = (needed: Needed): Membership => {
  return {
    ...needed,
    slot: "",
    application: { type: "" },
    intent: undefined,
    transports: [],
    focusSelection: undefined,
    expiresTs: Infinity,
  };
};

/** Another member of a call. */
export function toldMember(member: CallMembership): Membership {
  const { sender: userId, deviceId, memberId, rtcBackendIdentity: participantIdentity, eventId, kind } = member;
  const createdTs = member.createdTs();
  const instance = JSON.stringify([userId, deviceId, createdTs, participantIdentity]);
  const isSticky = kind === "rtc";
  return bare({
    kind: isSticky ? "sticky" : "state",
    userId,
    deviceId,
    memberId,
    instance,
    createdTs,
    participantIdentity,
    eventId,
  });
}

/** Ourselves, in the call from the beginning. */
export const toldSelf = (self: OwnMember): Membership =>
  bare({ ...self, instance: "own", createdTs: -Infinity, eventId: "own" });

/** The same list, with the objects of the list before for members that have not changed. */
export function stableMembers(
  members: readonly Membership[],
  before: ReadonlyMap<string, Membership>,
): ReadonlyMap<string, Membership> {
  return new Map(
    members.map((member) => {
      const id = `${member.eventId} ${member.instance}`;
      return [id, before.get(id) ?? member] as const;
    }),
  );
}
