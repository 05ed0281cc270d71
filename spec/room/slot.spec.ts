import { describe, expect, it } from "vitest";
import { applicationTypeOf, decodeSlot, isSlotId, readSlot } from "../../src/room/slot.ts";
import { alice, fromJson, roomCall, roomId, stateEvent } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";

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

describe("The slot of a room", () => {
  const application = { type: "m.call" };
  const [inUse, stable] = ["org.matrix.msc4143.rtc.slot", "m.rtc.slot"];
  type SlotEvent = readonly [type: string, stateKey: string, status: string, originServerTs: number];

  const read = (encryption: unknown, isStrict: boolean, ...events: readonly SlotEvent[]) => {
    const client = new FakeClient();
    client.enter(roomId, alice);
    for (const [type, stateKey, status, originServerTs] of events) {
      const content = { status, application, encryption };
      client.setState(roomId, stateEvent(content, { type, stateKey, originServerTs, eventId: `$${status}` }));
    }
    return readSlot(client, roomId, roomCall, isStrict);
  };

  it("is absent without an event", () =>
    expect(read(undefined, false)).toEqual({ slot: { status: "absent" }, eventId: undefined }));

  it.each<[string, readonly SlotEvent[], string]>([
    ["of its one event", [[inUse, "m.call#ROOM", "open", 1]], "open"],
    ["of an event with the names of the other generation", [[stable, "m.call#room", "open", 1]], "open"],
    [
      "of the newer event",
      [
        [inUse, "m.call#ROOM", "open", 1],
        [stable, "m.call#room", "closed", 2],
      ],
      "closed",
    ],
    [
      "of the newer event, whatever its names",
      [
        [inUse, "m.call#room", "open", 2],
        [stable, "m.call#ROOM", "closed", 1],
      ],
      "open",
    ],
    [
      "of the event with the type in use, of two at one time",
      [
        [inUse, "m.call#ROOM", "open", 1],
        [stable, "m.call#room", "closed", 1],
      ],
      "open",
    ],
  ])("has the status and the id %s", (_, events, status) =>
    expect(read(undefined, false, ...events)).toMatchObject({ slot: { status }, eventId: `$${status}` }),
  );

  it("is open in an encrypted room if it names that encryption, and closed if it names none and has to", () => {
    const client = new FakeClient();
    client.enter(roomId, alice);
    client.encrypt(roomId);
    const set = (encryption?: object) =>
      client.setSlot(roomId, roomCall, { status: "open", application, ...(encryption && { encryption }) });
    set({ type: "m.per_member" });
    expect(readSlot(client, roomId, roomCall, true).slot.status).toBe("open");
    set();
    expect(readSlot(client, roomId, roomCall, true).slot.status).toBe("closed");
    expect(readSlot(client, roomId, roomCall, false).slot.status).toBe("open");
  });

  it("is closed if it names an encryption that the room has not, and that has to match", () => {
    const event: SlotEvent = [inUse, "m.call#ROOM", "open", 1];
    const perMember = { type: "m.per_member" };
    expect(read(perMember, true, event).slot.status).toBe("closed");
    expect(read(perMember, false, event).slot.status).toBe("open");
    expect(read(undefined, true, event).slot.status).toBe("open");
  });
});
