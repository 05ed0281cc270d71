// The order of the member list: oldest first. protocol.md 3.4.
import type { Membership } from "../types.ts";

/** Below zero if `a` comes first: by creation, then by user, device and event id, as plain strings. */
export function byAge(a: Membership, b: Membership): number {
  return (
    a.createdTs - b.createdTs ||
    byText(a.userId, b.userId) ||
    byText(a.deviceId, b.deviceId) ||
    byText(a.eventId, b.eventId)
  );
}

/** A new list without `gone` and with `come` in their places: a copy for each of a few changes, one sort for many. */
export function reordered(
  members: readonly Membership[],
  gone: readonly Membership[],
  come: readonly Membership[],
): readonly Membership[] {
  if (gone.length + come.length > 8) {
    const departed = new Set(gone);
    const stayed = members.filter((member) => !departed.has(member));
    return stayed.concat(come).toSorted(byAge);
  }
  let list = members;
  for (const member of gone) list = list.toSpliced(list.indexOf(member, placeIn(list, member, byAge)), 1);
  for (const member of come) list = list.toSpliced(placeIn(list, member, byAge), 0, member);
  return list;
}

/** By code unit, whatever the language. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The index of an item in a sorted list, or where it belongs. */
export function placeIn<T>(list: readonly T[], item: T, order: (a: T, b: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(list[middle]!, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
