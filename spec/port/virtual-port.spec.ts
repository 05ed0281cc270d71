// The port of the virtual homeserver keeps every promise of the port.
import { describe, it } from "vitest";
import { portConformance } from "../../src/testing/index.ts";
import { virtualWorld } from "./virtual-world.ts";

describe("The port of the virtual homeserver", () => {
  it.each(portConformance(async (options) => virtualWorld(options)))("$title", ({ run }) => run());
});
