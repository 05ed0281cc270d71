// The trace of the reading side: which members joined and left, which events were rejected, and why.
import type { Membership } from "../types.ts";
import type { Changes, Departure } from "./changes.ts";
import type { Rejection } from "./rejection.ts";

export type MembershipTrace =
  | { readonly kind: "member-joined"; readonly member: Membership }
  | ({ readonly kind: "member-left" } & Departure)
  | { readonly kind: "member-rejected"; readonly rejection: Rejection };

/** The changes of one step as trace entries. They are made one by one as they are read. */
export function* traceOf({ joined, left, rejected }: Changes): Iterable<MembershipTrace> {
  for (const member of joined) yield { kind: "member-joined", member };
  for (const departure of left) yield { kind: "member-left", ...departure };
  for (const rejection of rejected) yield { kind: "member-rejected", rejection };
}
