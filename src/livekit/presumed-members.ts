// PresumedMembers: members whose membership event we cannot read, as the media layer shows them: at the SFU where they are.
// protocol.md 5.8.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { Membership, Transport } from "../types.ts";

/** Where presumed members can be: the SFUs that we are connected to, with the identities of those who are there. */
export interface Site {
  readonly transport: Transport;
  readonly participants: { has(identity: string): boolean };
}

/**
 * A membership for each presumed member that is on an SFU. It has what the key message and the SFU say, and the same object for
 * as long as the member is presumed.
 *
 * @param before What it returned before.
 */
export function presumedMembers(
  { slot, statuses, sites, now }: PresumedInput,
  before: readonly Membership[],
): readonly Membership[] {
  return Array.from(statuses.values()).flatMap((status) => {
    const { participantIdentity, userId, deviceId, memberId } = status;
    const site = status.presumed && sites.find(({ participants }) => participants.has(participantIdentity));
    if (!site) return [];
    const { transport } = site;
    const known = before.find((member) => member.participantIdentity === participantIdentity);
    if (known?.transports[0] === transport) return [known];
    return {
      kind: "sticky",
      userId,
      deviceId,
      memberId,
      instance: `presumed ${participantIdentity}`,
      slot,
      application: { type: slot.slice(0, slot.indexOf("#")) },
      intent: undefined,
      transports: [transport],
      focusSelection: undefined,
      createdTs: now,
      expiresTs: Infinity,
      participantIdentity,
      eventId: "",
    };
  });
}

export interface PresumedInput {
  readonly slot: string;
  readonly statuses: ReadonlyMap<string, MemberEncryption>;
  readonly sites: readonly Site[];
  readonly now: number;
}
