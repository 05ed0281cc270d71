// Changes: who came and who went in one step of the fold, and which events were refused.
import type { Membership } from "../types.ts";
import type { Rejection, RejectionReason } from "./rejection.ts";

/** What one step of the fold changed. A member that was merely renewed is in neither list. */
export interface Changes {
  readonly joined: readonly Membership[];
  readonly left: readonly Departure[];
  readonly rejected: readonly Rejection[];
}

/** A member that is gone, and what became of its event: `replaced` by another, or refused for a reason. */
export interface Departure {
  readonly member: Membership;
  readonly reason: RejectionReason | "replaced";
}

/** The change from the members that are `gone` to those that have `come`, which may be the same ones renewed. */
export function changesBetween(gone: readonly Departure[], come: readonly Membership[]): Omit<Changes, "rejected"> {
  if (gone.length === 0 || come.length === 0) return { joined: come, left: gone };
  const isGone = ofNoStayAmong(come);
  return {
    joined: come.filter(ofNoStayAmong(gone.map(({ member }) => member))),
    left: gone.filter(({ member }) => isGone(member)),
  };
}

/** Tells who is in none of the stays that these members are in. */
export function ofNoStayAmong(members: readonly Membership[]): (member: Membership) => boolean {
  const stays = new Set(members.map(({ instance }) => instance));
  return ({ instance }) => !stays.has(instance);
}
