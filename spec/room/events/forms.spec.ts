// Every known event, in the form of the first text and in the forms of today.
import { describe, expect, it } from "vitest";
import { decodeContent, decodeEvent } from "../../../src/room/events/decode-event.ts";
import { type EventType, eventTable, isKnownType } from "../../../src/room/events/event-table.ts";
import { stateRules } from "../../../src/room/events/state-contents.ts";
import { around, firstContents, todaysContents } from "./examples.ts";

const inWords = (value: unknown) => JSON.stringify(value).slice(0, 60);

describe("A content of the first text", () => {
  it.each(firstContents.map(([type, content, read]) => [type, inWords(content), content, read] as const))(
    "%s is read as it was meant: %s",
    (type, _, content, read) => expect(decodeContent(type as EventType, content)).toEqual({ ok: read }),
  );
});

describe("A content of today", () => {
  it.each(todaysContents.map(([type, content, read]) => [type, inWords(content), content, read] as const))(
    "%s is read as it is meant: %s",
    (type, _, content, read) => expect(decodeContent(type as EventType, content)).toEqual({ ok: read }),
  );

  it("is among the examples for every type of the table", () => {
    const types = new Set([...firstContents, ...todaysContents].map(([type]) => type));
    expect([...types].toSorted()).toEqual(Object.keys(eventTable).toSorted());
  });
});

describe("A thumbnail beside the information about a file, as in the first text", () => {
  const image = { msgtype: "m.image", url: "mxc://x/y", body: "a" };
  it.each<[string, object]>([
    ["with its address alone", { thumbnail_url: "mxc://x/z" }],
    ["with its size alone", { thumbnail_info: { w: 1, h: 2 } }],
  ])("is in that information: %s", (_, thumbnail) =>
    expect(decodeContent("m.room.message", { ...image, ...thumbnail }).ok).toMatchObject({ info: thumbnail }),
  );
});

describe("An event", () => {
  it("in the first form is read with its user_id, and with levels and earlier content beside the content", () => {
    const json = {
      type: "m.room.name",
      event_id: "012345678ab",
      room_id: "!xAbCdEfG:example.com",
      user_id: "@user:example.com",
      state_key: "",
      required_power_level: 50,
      prev_content: { name: "Before" },
      age: 120,
      content: { name: "After" },
    };
    expect(decodeEvent(json).ok).toEqual({
      kind: "state",
      type: "m.room.name",
      eventId: "012345678ab",
      roomId: "!xAbCdEfG:example.com",
      sender: "@user:example.com",
      stateKey: "",
      requiredPowerLevel: 50,
      prevContent: { name: "Before" },
      ageMs: 120,
      content: { name: "After" },
      ignored: [],
    });
  });

  it.each(firstContents.map(([type, content]) => [type, inWords(content), content] as const))(
    "in the first form has its type and kind: %s %s",
    (type, _, content) => {
      const json = { type, event_id: "012345678ab", room_id: "!xAbCdEfG:example.com", user_id: "@user:example.com" };
      const stateKey = type === "m.room.member" ? json.user_id : type === "m.room.aliases" ? "example.com" : "";
      const isState = Object.hasOwn(stateRules, type);
      const kind = isState ? "state" : type === "m.presence" ? "ephemeral" : "timeline";
      const event = decodeEvent({ ...json, content, ...(isState && { state_key: stateKey }) }).ok;
      expect(event).toMatchObject({ type, kind, sender: json.user_id, ignored: [] });
    },
  );

  it("in the first form may lack its sender, like the list of aliases in that form", () => {
    const json = {
      type: "m.room.aliases",
      event_id: "012345678ab",
      room_id: "!xAbCdEfG:example.com",
      state_key: "example.com",
      content: { aliases: ["#foo:example.com"] },
    };
    expect(decodeEvent(json).ok).toEqual({
      kind: "state",
      type: "m.room.aliases",
      eventId: "012345678ab",
      roomId: "!xAbCdEfG:example.com",
      stateKey: "example.com",
      content: { aliases: ["#foo:example.com"] },
      ignored: [],
    });
  });

  it("of today has its age and its earlier content under unsigned", () => {
    const json = around(
      "m.room.member",
      { membership: "leave" },
      { state_key: "@bob:example.org", unsigned: { age: 5, prev_content: { membership: "join", displayname: "Bob" } } },
    );
    expect(decodeEvent(json).ok).toMatchObject({
      kind: "state",
      ageMs: 5,
      originServerTs: 1_700_000_000_000,
      stateKey: "@bob:example.org",
      prevContent: { membership: "join", displayname: "Bob" },
    });
  });

  it("of today has its earlier content without the parts of it that are wrong", () => {
    const unsigned = { prev_content: { membership: "join", displayname: 5, unknown: 1 } };
    const json = around("m.room.member", { membership: "leave" }, { state_key: "@bob:example.org", unsigned });
    expect(decodeEvent(json).ok).toHaveProperty("prevContent", { membership: "join" });
    const malformed = { prev_content: { membership: "dance" } };
    expect(decodeEvent({ ...json, unsigned: malformed }).ok).not.toHaveProperty("prevContent");
  });

  it("has no earlier content in the timeline, whatever its server says", () => {
    const content = { msgtype: "m.text", body: "hi" };
    const json = around("m.room.message", content, { unsigned: { prev_content: content } });
    expect(decodeEvent(json).ok).toMatchObject({ kind: "timeline", content: { body: "hi" } });
    expect(decodeEvent(json).ok).not.toHaveProperty("prevContent");
  });

  it.each([
    ["beside the content, until room version 10", around("m.room.redaction", { reason: "spam" }, { redacts: "$2" })],
    ["in the content, since room version 11", around("m.room.redaction", { reason: "spam", redacts: "$2" })],
  ])("that redacts another names it %s", (_, json) =>
    expect(decodeEvent(json).ok).toMatchObject({ kind: "timeline", redacts: "$2", content: { reason: "spam" } }),
  );

  it("that was redacted says who did it, and why", () => {
    const because = around("m.room.redaction", { reason: "spam" }, { sender: "@mod:example.org" });
    const json = around("m.room.message", {}, { unsigned: { redacted_because: because } });
    expect(decodeEvent(json).ok).toMatchObject({
      kind: "redacted",
      type: "m.room.message",
      redaction: { sender: "@mod:example.org", reason: "spam" },
    });
  });

  it("in the timeline without content was redacted", () =>
    expect(decodeEvent(around("m.reaction", {})).ok).toMatchObject({ kind: "redacted", redaction: {} }));

  it("that was redacted keeps the content that its redaction has left, if it is state", () => {
    const json = around(
      "m.room.member",
      { membership: "join" },
      { state_key: "@a:b", unsigned: { redacted_because: {} } },
    );
    expect(decodeEvent(json).ok).toMatchObject({ kind: "state", content: { membership: "join" } });
  });

  it.each([
    ["m.room.aliases", "example.org"],
    ["m.room.encryption", ""],
    ["m.room.tombstone", ""],
    ["m.room.join_rules", ""],
    ["m.room.history_visibility", ""],
    ["m.room.add_state_level", ""],
  ])("is a redacted %s, and not malformed, if its redaction removed a required field", (type, state_key) => {
    const redacted_because = { sender: "@mod:example.org", content: { reason: "spam" } };
    expect(decodeEvent(around(type, {}, { state_key, unsigned: { redacted_because } })).ok).toMatchObject({
      kind: "redacted",
      type,
      stateKey: state_key,
      redaction: { sender: "@mod:example.org", reason: "spam" },
    });
  });

  it("can have a state key of 511 characters: an owned one (MSC3757)", () => {
    const [longest, longer] = ["x".repeat(511), "x".repeat(512)].map((state_key) =>
      decodeEvent(around("org.example.custom", {}, { state_key })),
    );
    expect([longest?.ok?.kind, longer?.malformed]).toEqual(["other", "state_key"]);
  });

  it.each([
    ["m.typing", { type: "m.typing", content: { user_ids: [] } }],
    ["m.receipt", { type: "m.receipt", room_id: "!a:b", content: {} }],
    ["m.presence", { type: "m.presence", sender: "@ann:example.org", content: { presence: "online" } }],
  ])("of type %s needs no id and no time", (type, json) =>
    expect(decodeEvent(json).ok).toMatchObject({ kind: "ephemeral", type }),
  );

  it("of stripped state needs no id and no time", () => {
    const json = { type: "m.room.name", sender: "@ann:example.org", state_key: "", content: { name: "Kitchen" } };
    expect(decodeEvent(json).ok).toMatchObject({ kind: "state", content: { name: "Kitchen" } });
  });

  it("with an unknown type is returned as it is", () => {
    const content = { anything: [1, { deep: true }] };
    const event = decodeEvent(around("org.example.custom", content, { state_key: "x" })).ok;
    expect(event).toMatchObject({ kind: "other", type: "org.example.custom", stateKey: "x" });
    expect(event?.kind === "other" && event.content).toBe(content);
  });

  it("may have an unknown type with the name of a property that every object has", () => {
    expect(isKnownType("toString")).toBe(false);
    expect(decodeEvent(around("constructor", {})).ok).toMatchObject({ kind: "other", type: "constructor" });
  });
});
