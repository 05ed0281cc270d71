// matrix-js-sdk and ours, both with state events.
import { withSdkMember } from "../with-sdk-member.ts";

export const scenario = withSdkMember(
  "6. A member by matrix-js-sdk alone: both decode, before and after each changes its key",
  { ours: "compatibility", sdk: "state" },
);
