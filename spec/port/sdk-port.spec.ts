// The port of matrix-js-sdk keeps every promise of the port, over real clients.
import { describe, it } from "vitest";
import { portConformance } from "../../src/testing/index.ts";
import { sdkWorld } from "./sdk-world.ts";

describe("The port of fromMatrixClient", () => {
  it.each(portConformance(sdkWorld))("$title", ({ run }) => run());
});
