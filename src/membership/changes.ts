// Changes: which members joined and left in one step of the fold, and which events were rejected.
import type { Membership } from "../types.ts";
import type { Rejection, RejectionReason } from "./rejection.ts";

/** What one step of the fold changed. A member whose membership was only renewed is in neither list. */
export interface Changes {
  readonly joined: readonly Membership[];
  readonly left: readonly Departure[];
  readonly rejected: readonly Rejection[];
}

/** A member that left, and why: its event was rejected for a reason, or another event of its sender `replaced` it. */
export interface Departure {
  readonly member: Membership;
  readonly reason: RejectionReason | "replaced";
}

/** Who joined and who left, given the members that were removed and added. A renewed member is in both of these lists. */
export function changesBetween(
  removed: readonly Departure[],
  added: readonly Membership[],
): Pick<Changes, "joined" | "left"> {
  if (removed.length === 0 || added.length === 0) return { joined: added, left: removed };
  const hasLeft = notAmong(added);
  return {
    joined: added.filter(notAmong(removed.map(({ member }) => member))),
    left: removed.filter(({ member }) => hasLeft(member)),
  };
}

/** Returns a test: is the instance of a member absent from this list? */
export function notAmong(members: readonly Membership[]): (member: Membership) => boolean {
  const instances = new Set(members.map(({ instance }) => instance));
  return ({ instance }) => !instances.has(instance);
}
