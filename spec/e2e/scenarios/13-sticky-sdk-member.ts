// matrix-js-sdk with sticky events, ours with state events.
import { withSdkMember } from "../with-sdk-member.ts";

export const scenario = withSdkMember(
  "13. A sticky member by matrix-js-sdk alone, ours in state: both decode, before and after each changes its key",
  { ours: "compatibility", sdk: "sticky" },
);
