// The names of both generations: which slots are one call, and which generation a member follows. protocol.md 1.1, 7.1.
import { describe, expect, it } from "vitest";
import { generationOf, isSameCall, slotIn } from "../../src/room/names.ts";
import { declineTypes, ringTypes } from "../../src/room/ring-types.ts";

describe("Two slot ids", () => {
  it.each<[string, string, boolean]>([
    ["m.call#ROOM", "m.call#ROOM", true],
    ["m.call#ROOM", "m.call#room", true],
    ["m.call#room", "m.call#ROOM", true],
    ["m.call#side", "m.call#side", true],
    ["m.call#side", "m.call#ROOM", false],
    ["m.call#side", "m.call#room", false],
    ["org.example#ROOM", "org.example#room", false],
  ])("%s and %s name the same call: %s", (a, b, isSame) => expect(isSameCall(a, b)).toBe(isSame));
});

describe("A slot id", () => {
  it.each([
    ["m.call#ROOM", "deployed", "m.call#ROOM"],
    ["m.call#room", "deployed", "m.call#ROOM"],
    ["m.call#ROOM", "stable", "m.call#room"],
    ["m.call#room", "stable", "m.call#room"],
    ["m.call#side", "deployed", "m.call#side"],
    ["m.call#side", "stable", "m.call#side"],
  ] as const)("%s is written by the generation %s as %s", (slot, generation, written) =>
    expect(slotIn(generation, slot)).toBe(written),
  );
});

describe("The generation of a sticky member", () => {
  const [deployed, stable] = ["org.matrix.msc4143.rtc.member", "m.rtc.member"];
  it.each<[string, string | undefined, string]>([
    [deployed, "livekit", "deployed"],
    [deployed, "m.livekit", "stable"],
    [deployed, "other", "deployed"],
    [deployed, undefined, "deployed"],
    [stable, "livekit", "deployed"],
    [stable, "m.livekit", "stable"],
    [stable, "other", "stable"],
    [stable, undefined, "stable"],
  ])("with the event type %s and the transport %s is %s", (type, transport, generation) =>
    expect(generationOf(type, transport)).toBe(generation),
  );
});

describe("The types of events", () => {
  it("that ring are those of 2024, of the form in use, and of both names of the newest form", () =>
    expect(ringTypes).toEqual([
      "org.matrix.msc4075.call.notify",
      "m.call.notify",
      "org.matrix.msc4075.rtc.notification",
      "org.matrix.msc4075.rtc.invite",
      "m.rtc.notification",
      "m.rtc.invite",
    ]));

  it("that decline are that of MSC4310, and both names of the newest form", () =>
    expect(declineTypes).toEqual([
      "org.matrix.msc4310.rtc.decline",
      "org.matrix.msc4075.rtc.decline",
      "m.rtc.decline",
    ]));
});
