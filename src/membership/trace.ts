// The decisions of the reading side: who came, who went and why, which event was refused and why.
import type { Membership } from "../types.ts";
import type { Changes, Departure } from "./changes.ts";
import type { Rejection } from "./rejection.ts";

export type MembershipTrace =
  | { readonly kind: "member-joined"; readonly member: Membership }
  | ({ readonly kind: "member-left" } & Departure)
  | { readonly kind: "member-rejected"; readonly rejection: Rejection };

/** The changes of one step as entries of the trace. */
export function* traceOf({ joined, left, rejected }: Changes): Iterable<MembershipTrace> {
  for (const member of joined) yield { kind: "member-joined", member };
  for (const departure of left) yield { kind: "member-left", ...departure };
  for (const rejection of rejected) yield { kind: "member-rejected", rejection };
}
