// The order of the member list: oldest first. protocol.md 3.4.
import type { Membership } from "../types.ts";

/** Below zero if `a` comes first: by creation time, then by user, device and event id, compared by code unit. */
export function byAge(a: Membership, b: Membership): number {
  return (
    a.createdTs - b.createdTs ||
    byText(a.userId, b.userId) ||
    byText(a.deviceId, b.deviceId) ||
    byText(a.eventId, b.eventId)
  );
}

/** A sorted copy without `removed` and with `added`. A few changes are spliced in; many changes are sorted at once. */
export function reordered(
  members: readonly Membership[],
  removed: readonly Membership[],
  added: readonly Membership[],
): readonly Membership[] {
  if (removed.length + added.length > 8) {
    const isRemoved = new Set(removed);
    const kept = members.filter((member) => !isRemoved.has(member));
    return kept.concat(added).toSorted(byAge);
  }
  if (removed.length === 0)
    return added.reduce((list, member) => list.toSpliced(indexIn(list, member), 0, member), members);
  // Changed in place, so that what is added takes the room of what is removed.
  const list = members.slice();
  for (const member of removed) list.splice(list.indexOf(member, indexIn(list, member)), 1);
  for (const member of added) list.splice(indexIn(list, member), 0, member);
  return list;
}

/** Compares by code unit, independent of any language. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The index of a member in a sorted list, or the index at which to insert it. */
function indexIn(list: readonly Membership[], member: Membership): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byAge(list[middle]!, member) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
