// PreviousMembers: the list of members before a room was read again. Unchanged members keep their identity.
import { sameItems } from "../rx/stable.ts";
import type { Membership } from "../types.ts";
import type { MembershipClaim } from "./claim.ts";

export class PreviousMembers {
  readonly #list: readonly Membership[];
  readonly #byEvent: ReadonlyMap<string, Membership>;

  constructor(list: readonly Membership[]) {
    this.#list = list;
    this.#byEvent = new Map(list.map((member) => [member.eventId, member]));
  }

  /** The member that the same event made before. */
  memberOf({ eventId, kind, createdTs, expiresTs }: MembershipClaim): Membership | undefined {
    const member = this.#byEvent.get(eventId);
    return member?.kind === kind && member.createdTs === createdTs && member.expiresTs === expiresTs
      ? member
      : undefined;
  }

  /** The previous list, if it has the same members as this one. */
  same(list: readonly Membership[]): readonly Membership[] | undefined {
    return sameItems(list, this.#list) ? this.#list : undefined;
  }
}
