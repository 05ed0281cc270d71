// The conformance suite has teeth: each case rejects a port that breaks its promise, and says why.
import { describe, expect, it } from "vitest";
import { portConformance } from "../../src/testing/index.ts";
import { brokenPorts } from "./broken-ports.ts";
import { virtualWorld } from "./virtual-world.ts";

const cases = portConformance(async (options) => virtualWorld(options));

describe("The conformance suite", () => {
  it("has a broken port for each case, and a different title for each", () => {
    expect(cases.map(({ title }) => title).toSorted()).toEqual(Object.keys(brokenPorts).toSorted());
  });

  it.each(Object.entries(brokenPorts))("rejects a port that breaks this promise: %s", async (title, change) => {
    const suite = portConformance(async (options) => ({ ...virtualWorld(options, change), patienceMs: 50 }));
    const broken = suite.find((one) => one.title === title);
    const error: unknown = await broken?.run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(/^\S.{10,}/s);
  });

  it("ends the world of each case, also of a case that fails", async () => {
    let ended = 0;
    const suite = portConformance(async (options) => ({
      ...virtualWorld(options, (port) => ({ ...port, hasRoom: () => true, userId: "me" })),
      end: () => void (ended += 1),
    }));
    await Promise.allSettled(suite.slice(0, 3).map(({ run }) => run()));
    expect(ended).toBe(3);
  });
});
