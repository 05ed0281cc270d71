// Scenario 6 with sticky members on both sides.
import { inMode, type Scenario } from "../scenario.ts";
import { scenario as sdkMember } from "./6-sdk-member.ts";

export const scenario: Scenario = {
  name: "12. A member by matrix-js-sdk alone, all sticky: both decode, before and after each changes its key",
  run: (stage) => sdkMember.run(inMode(stage, "matrix_2_0")),
};
