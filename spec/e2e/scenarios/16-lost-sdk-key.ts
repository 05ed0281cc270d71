// A key of matrix-js-sdk is lost, all members in state events.
import { lostSdkKey } from "../lost-sdk-key.ts";

export const scenario = lostSdkKey(
  "16. A key of a member of matrix-js-sdk is lost: A announces its membership again, gets the key, nobody else notices",
  { ours: "compatibility", sdk: "state" },
);
