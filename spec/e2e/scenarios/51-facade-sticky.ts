// The facade of matrix-js-sdk and the original, both with sticky events.
import { withFacade } from "../with-facade.ts";

export const scenario = withFacade(
  "51. The page of the SDK member over the facade, and the original one, all sticky: both decode, before and after each changes its key",
  "sticky",
);
