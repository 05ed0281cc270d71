// OutdatedKeyFilter: whether a newer key with the same index is known, with the name of matrix-js-sdk 43.
import { getEncryptionKeyMapKey } from "./encryption-manager.ts";
import type { CallMembershipIdentityParts, InboundEncryptionSession } from "./original-types.ts";

/** Finds keys that come after a newer one with their index. */
export class OutdatedKeyFilter {
  readonly #newestTs = new Map<string, number>();

  /** Whether a newer key of this member with this index was seen. */
  isOutdated(
    membership: CallMembershipIdentityParts,
    { keyIndex, creationTS }: Pick<InboundEncryptionSession, "keyIndex" | "creationTS">,
  ): boolean {
    const id = `${keyIndex} ${getEncryptionKeyMapKey(membership)}`;
    if ((this.#newestTs.get(id) ?? -Infinity) > creationTS) return true;
    this.#newestTs.set(id, creationTS);
    return false;
  }
}
