import { lostSdkKey } from "../lost-sdk-key.ts";

export const scenario = lostSdkKey("17. The same, all sticky: A sends its membership once more", {
  ours: "matrix_2_0",
  sdk: "sticky",
});
