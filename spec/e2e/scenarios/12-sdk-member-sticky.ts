// matrix-js-sdk and ours, both with sticky events.
import { withSdkMember } from "../with-sdk-member.ts";

export const scenario = withSdkMember(
  "12. A member by matrix-js-sdk alone, all sticky: both decode, before and after each changes its key",
  { ours: "matrix_2_0", sdk: "sticky" },
);
