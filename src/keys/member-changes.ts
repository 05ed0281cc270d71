// MemberChanges: what happened between two member lists, in one pass and without looking into members that stayed.
import type { Membership } from "../types.ts";
import { fingerprint } from "./device.ts";

export interface MemberChanges {
  /** Instances that were not there before: somebody joined or re-joined. */
  readonly joined: readonly Membership[];
  /** Instances that are there no more. */
  readonly left: readonly Membership[];
}

const none: MemberChanges = { joined: [], left: [] };

/** Compares two lists that are ordered by creation time and in which unchanged members are the same objects. */
export function memberChanges(before: readonly Membership[], after: readonly Membership[]): MemberChanges {
  if (before === after) return none;
  const { removed, added } = unshared(before, after);
  if (removed.length === 0 || added.length === 0) return { joined: added, left: removed };
  const was = new Set(removed.map(fingerprint));
  const is = new Set(added.map(fingerprint));
  return {
    joined: added.filter((member) => !was.has(fingerprint(member))),
    left: removed.filter((member) => !is.has(fingerprint(member))),
  };
}

/**
 * The objects that only one of the lists holds. Walks both at once, as in a merge of sorted lists; should the order not
 * be as expected, an object may be named on both sides, which the comparison of fingerprints puts right.
 */
function unshared(before: readonly Membership[], after: readonly Membership[]) {
  const removed: Membership[] = [];
  const added: Membership[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    while (i < before.length && before[i] === after[j]) {
      i++;
      j++;
    }
    const old = before[i];
    const now = after[j];
    if (old && (!now || old.createdTs <= now.createdTs)) {
      removed.push(old);
      i++;
    }
    if (now && (!old || now.createdTs <= old.createdTs)) {
      added.push(now);
      j++;
    }
  }
  return { removed, added };
}
