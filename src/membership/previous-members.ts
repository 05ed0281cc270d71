// EarlierMembers: what was given of a room before it was read anew. Who has not changed keeps identity.
import type { Membership } from "../types.ts";
import type { Claim } from "./claim.ts";

export class EarlierMembers {
  readonly #list: readonly Membership[];
  readonly #byEvent: ReadonlyMap<string, Membership>;

  constructor(list: readonly Membership[]) {
    this.#list = list;
    this.#byEvent = new Map(list.map((member) => [member.eventId, member]));
  }

  /** The member that the same event made before. */
  of({ eventId, kind, createdTs, expiresTs }: Claim): Membership | undefined {
    const member = this.#byEvent.get(eventId);
    return member?.kind === kind && member.createdTs === createdTs && member.expiresTs === expiresTs
      ? member
      : undefined;
  }

  /** The list of before, if it has the same members. */
  same(list: readonly Membership[]): readonly Membership[] | undefined {
    const isSame = list.length === this.#list.length && list.every((member, index) => member === this.#list[index]);
    return isSame ? this.#list : undefined;
  }
}
