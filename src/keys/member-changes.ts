// MemberChanges: who joined and who left between two member lists. Without a look into members before the first change and after the last.
import { notAmong } from "../membership/changes.ts";
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
  const shared = Math.min(before.length, after.length);
  let start = 0;
  while (start < shared && before[start] === after[start]) start++;
  let end = 0;
  while (end < shared - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const removed = before.slice(start, before.length - end);
  const added = after.slice(start, after.length - end);
  return { joined: added.filter(notAmong(removed)), left: removed.filter(notAmong(added)) };
}
