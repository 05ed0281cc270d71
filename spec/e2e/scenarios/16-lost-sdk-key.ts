import { lostSdkKey } from "../lost-sdk-key.ts";

export const scenario = lostSdkKey(
  "16. The key of matrix-js-sdk's member is lost on the way to A: A is seen joining anew, gets it, and nobody else notices",
  { ours: "compatibility", sdk: "state" },
);
