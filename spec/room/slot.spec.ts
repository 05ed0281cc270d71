import { describe, expect, it } from "vitest";
import { applicationTypeOf, decodeSlot, isSlotId } from "../../src/room/slot.ts";
import { fromJson, roomCall } from "../support/contents.ts";

describe("A slot id (1.2)", () => {
  it.each([
    ["m.call#ROOM", "m.call"],
    ["m.call#", "m.call"],
    ["org.example.board#page 1", "org.example.board"],
  ])("can be %j, with the application type %s", (slot, application) => {
    expect(isSlotId(slot)).toBe(true);
    expect(applicationTypeOf(slot)).toBe(application);
  });

  it.each([["m.call"], ["#ROOM"], [""], ["m.call#a#b"], [1], [null], [undefined], [["m.call#ROOM"]]])(
    "cannot be %j",
    (slot) => expect(isSlotId(slot)).toBe(false),
  );
});

describe("decodeSlot (8, B16, E11)", () => {
  const application = { type: "m.call", "m.call.id": 1 };
  const encryption = { type: "org.matrix.msc4143.per_member" };

  it("returns open with the application, including unknown fields", () => {
    const content = { status: "open", application, encryption, other: 1 };
    expect(decodeSlot(content, roomCall)).toEqual({ status: "open", application });
  });

  it.each([
    ["an empty content", {}],
    ["a missing status, as in early 2026", { application }],
    ["the status closed", { status: "closed", application }],
    ["another status", { status: "OPEN", application }],
    ["a status that is not a string", { status: ["open"], application }],
    ["no application", { status: "open" }],
    ["an application that is not an object", { status: "open", application: "m.call" }],
    ["an application without a type", { status: "open", application: {} }],
    ["the application of another slot", { status: "open", application: { type: "org.example.board" } }],
    ["an inherited application", fromJson(`{"status":"open","__proto__":{"application":{"type":"m.call"}}}`)],
    ["a content that is not an object", null],
    ["a content that is a list", ["open"]],
  ])("returns closed for %s", (_, content) => expect(decodeSlot(content, roomCall)).toEqual({ status: "closed" }));

  it.each([
    [true, encryption, "open"],
    [true, { type: "m.per_member" }, "open"],
    [true, { type: "other" }, "closed"],
    [true, {}, "closed"],
    [true, undefined, "closed"],
    [true, "m.per_member", "closed"],
    [false, undefined, "open"],
    [false, encryption, "closed"],
    [false, null, "closed"],
  ])(
    "in a room that is encrypted: %s, with the encryption %j, returns %s if the encryption must match",
    (encrypted, named, status) => {
      const content = { status: "open", application, ...(named !== undefined && { encryption: named }) };
      expect(decodeSlot(content, roomCall, { encrypted }).status).toBe(status);
      expect(decodeSlot(content, roomCall).status).toBe("open");
    },
  );
});
