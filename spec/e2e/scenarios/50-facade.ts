// The facade of matrix-js-sdk and the original, both with state events.
import { withFacade } from "../with-facade.ts";

export const scenario = withFacade(
  "50. The page of the SDK member over the facade, and the original one: both decode, before and after each changes its key",
  "state",
);
