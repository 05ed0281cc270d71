// The decisions of the reading side: who came, who went, which event was refused and why.
import type { Membership } from "../types.ts";

export type MembershipTrace =
  | { readonly kind: "member-joined"; readonly member: Membership }
  | { readonly kind: "member-left"; readonly member: Membership };
