// MemberChanges: who joined and who left between two member lists. One pass, without a look into members that stayed.
import { notAmong } from "../membership/changes.ts";
import { byAge } from "../membership/order.ts";
import type { Membership } from "../types.ts";
import type { CallMember } from "./device.ts";

export interface MemberChanges<M extends CallMember = CallMember> {
  /** Instances that are new: a member joined or re-joined. */
  readonly joined: readonly M[];
  /** Instances that are gone. */
  readonly left: readonly M[];
}

const none: MemberChanges<Membership> = { joined: [], left: [] };

/** Compares two lists of a session. They are ordered by age, and a member that did not change is the same object in both. */
export function memberChanges(before: readonly Membership[], after: readonly Membership[]): MemberChanges<Membership> {
  if (before === after) return none;
  const { removed, added } = unshared(before, after);
  if (removed.length === 0 || added.length === 0) return { joined: added, left: removed };
  return { joined: added.filter(notAmong(removed)), left: removed.filter(notAmong(added)) };
}

/** The objects that only one of the lists holds. It walks along both, as in a merge of sorted lists. */
function unshared(before: readonly Membership[], after: readonly Membership[]) {
  const removed: Membership[] = [];
  const added: Membership[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    while (i < before.length && before[i] === after[j]) {
      i++;
      j++;
    }
    const old = before[i];
    const now = after[j];
    if (!old && !now) return { removed, added };
    const order = !now ? -1 : !old ? 1 : byAge(old, now);
    if (old && order <= 0) {
      removed.push(old);
      i++;
    }
    if (now && order >= 0) {
      added.push(now);
      j++;
    }
  }
}
