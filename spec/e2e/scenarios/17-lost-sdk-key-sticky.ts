// A key of matrix-js-sdk is lost, all members in sticky events.
import { lostSdkKey } from "../lost-sdk-key.ts";

export const scenario = lostSdkKey(
  "17. A key of a sticky member of matrix-js-sdk is lost: A sends its sticky membership again, and gets the key",
  {
    ours: "matrix_2_0",
    sdk: "sticky",
  },
);
