// The decisions of the reading side: who came, who went and why, which event was refused and why.
import type { Membership } from "../types.ts";
import type { Departure } from "./changes.ts";
import type { Rejection } from "./rejection.ts";

export type MembershipTrace =
  | { readonly kind: "member-joined"; readonly member: Membership }
  | ({ readonly kind: "member-left" } & Departure)
  | { readonly kind: "member-rejected"; readonly rejection: Rejection };
