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
  const before = new Set(gone.map(({ member }) => member.instance));
  const after = new Set(come.map(({ instance }) => instance));
  return {
    joined: come.filter(({ instance }) => !before.has(instance)),
    left: gone.filter(({ member }) => !after.has(member.instance)),
  };
}
