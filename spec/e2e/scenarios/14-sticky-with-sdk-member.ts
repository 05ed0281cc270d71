// matrix-js-sdk with state events, ours with sticky events.
import { withSdkMember } from "../with-sdk-member.ts";

export const scenario = withSdkMember(
  "14. A member in state by matrix-js-sdk alone, ours sticky: both decode, before and after each changes its key",
  { ours: "matrix_2_0", sdk: "state" },
);
