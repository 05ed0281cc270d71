// What is malformed: a required part that is wrong, by its path. Optional parts that are wrong are left out.
import { describe, expect, it } from "vitest";
import { decodeContent, decodeEvent } from "../../../src/room/events/decode-event.ts";
import type { EventType } from "../../../src/room/events/event-table.ts";
import { around, todaysContents } from "./examples.ts";

describe("A content is malformed", () => {
  it.each<[EventType, unknown, string]>([
    ["m.room.member", {}, "membership"],
    ["m.room.member", { membership: "dance" }, "membership"],
    ["m.room.join_rules", { join_rule: 5 }, "join_rule"],
    ["m.room.add_state_level", { level: "many" }, "level"],
    ["m.room.send_event_level", { level: 1.5 }, "level"],
    ["m.room.aliases", { aliases: "#a:b" }, "aliases"],
    ["m.room.encryption", {}, "algorithm"],
    ["m.room.history_visibility", { history_visibility: "nobody" }, "history_visibility"],
    ["m.room.tombstone", { body: "gone" }, "replacement_room"],
    ["m.room.message", { body: "no type" }, "msgtype"],
    ["m.room.message", { msgtype: "m.text" }, "body"],
    ["m.room.message", { msgtype: "m.text", body: 5 }, "body"],
    ["m.room.message", { msgtype: "org.example.other" }, "body"],
    ["m.room.message", { msgtype: "m.image", body: "nowhere" }, "url"],
    ["m.room.message", { msgtype: "m.image", body: "x", file: { url: "mxc://a/b" } }, "url"],
    ["m.room.message", { msgtype: "m.location", body: "somewhere" }, "geo_uri"],
    [
      "m.room.message",
      { msgtype: "m.text", body: "* x", "m.relates_to": { rel_type: "m.replace", event_id: "$1" } },
      "m.new_content",
    ],
    [
      "m.room.message",
      {
        msgtype: "m.text",
        body: "* x",
        "m.new_content": { msgtype: "m.text" },
        "m.relates_to": { rel_type: "m.replace", event_id: "$1" },
      },
      "m.new_content.body",
    ],
    ["m.room.message.feedback", { type: "seen", target_event_id: "$1" }, "type"],
    ["m.room.message.feedback", { type: "read" }, "target_event_id"],
    ["m.reaction", {}, "m.relates_to"],
    ["m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: "$1" } }, "m.relates_to.key"],
    ["m.reaction", { "m.relates_to": { rel_type: "m.thread", event_id: "$1", key: "x" } }, "m.relates_to.rel_type"],
    ["io.element.call.reaction", { "m.relates_to": { rel_type: "m.reference", event_id: "$1" } }, "emoji"],
    ["m.call.invite", { version: 0, call_id: "1", offer: { type: "answer", sdp: "" } }, "offer.type"],
    ["m.call.answer", { version: -1, call_id: "1", answer: { type: "answer", sdp: "" } }, "version"],
    ["m.call.candidates", { version: 0, call_id: "1", candidates: {} }, "candidates"],
    ["m.call.hangup", { version: 0 }, "call_id"],
    ["m.typing", {}, "user_ids"],
    ["m.presence", { presence: "asleep" }, "presence"],
    ["m.room.name", "a name", "content"],
    ["m.room.name", null, "content"],
    ["m.room.power_levels", [], "content"],
  ])("%s %j at %s", (type, content, path) => expect(decodeContent(type, content)).toEqual({ malformed: path }));
});

describe("A part of a content that is optional and wrong", () => {
  it.each<[EventType, unknown, unknown]>([
    ["m.room.member", { membership: "join", displayname: 5, avatar_url: {} }, { membership: "join" }],
    ["m.room.name", { name: ["a"] }, {}],
    ["m.room.avatar", { url: 5, info: { w: -1, h: 1.5, size: 3 } }, { info: { size: 3 } }],
    ["m.room.aliases", { aliases: ["#a:b", 5, "", "#c:d"] }, { aliases: ["#a:b", "#c:d"] }],
    [
      "m.room.power_levels",
      { users: { "@a:b": 5, nobody: 6, "@c:d": "7", "@e:f": {} }, ban: null, kick: [] },
      { form: "today", users: { "@a:b": 5, "@c:d": 7 } },
    ],
    [
      "m.room.power_levels",
      { "@a:b": 5, "@c:d": true, default: [] },
      { form: "first", users: { "@a:b": 5 }, default: 0 },
    ],
    ["m.room.power_levels", { anything: 5 }, { form: "today" }],
    ["m.room.member", { membership: "join", is_direct: "yes" }, { membership: "join" }],
    ["m.room.name", { "": "no name" }, {}],
    ["m.receipt", { $1: 5, $2: { "m.read": { bob: {}, "@ann:b": 5 } } }, { receipts: [] }],
  ])("%s %j is left out", (type, content, read) => expect(decodeContent(type, content)).toEqual({ ok: read }));

  it.each<[unknown, number | undefined]>([
    [5, 5],
    ["5", 5],
    [" 42 ", 42],
    ["+7", 7],
    ["-7", -7],
    ["0x10", undefined],
    ["1e3", undefined],
    ["1.5", undefined],
    ["5 or so", undefined],
    ["level 5", undefined],
    ["", undefined],
    [["5"], undefined],
    [true, undefined],
  ])("is a power level that is neither an integer nor the text of one: %j is read as %j", (ban, level) => {
    const read = { form: "today", ...(level !== undefined && { ban: level }) };
    expect(decodeContent("m.room.power_levels", { ban })).toEqual({ ok: read });
  });

  it("is each entry above the most that are read: 100 of typing users, 10,000 of any other list or record", () => {
    const users = Array.from({ length: 10_001 }, (_, n) => `@u${n}:example.org`);
    expect(decodeContent("m.typing", { user_ids: users }).ok?.user_ids).toEqual(users.slice(0, 100));
    const aliases = decodeContent("m.room.aliases", { aliases: users }).ok?.aliases;
    expect(aliases).toEqual(users.slice(0, 10_000));
    const levels = decodeContent("m.room.power_levels", { users: Object.fromEntries(users.map((user) => [user, 1])) });
    expect(Object.keys(levels.ok?.users ?? {})).toEqual(users.slice(0, 10_000));
  });

  it("is named by the first 255 characters of its key", () => {
    const users = { [`@${"a".repeat(60_000)}`]: 5 };
    const { ok } = decodeEvent(around("m.room.power_levels", { users }, { state_key: "" }));
    expect(ok?.ignored).toEqual([`content.users.@${"a".repeat(254)}`]);
  });

  it("is named in the event", () => {
    const content = { msgtype: "m.image", url: "x", info: { w: -1, thumbnail_info: { h: "tall" } }, "m.mentions": 5 };
    expect(decodeEvent(around("m.room.message", content)).ok?.ignored).toEqual([
      "content.m.mentions",
      "content.info.w",
      "content.info.thumbnail_info.h",
    ]);
  });

  it("is named up to twenty times, whatever their number", () => {
    const aliases = Array.from({ length: 500 }, () => 5);
    const event = decodeEvent(around("m.room.aliases", { aliases }, { state_key: "b" })).ok;
    expect(event?.ignored).toHaveLength(20);
    expect(event?.ignored[0]).toBe("content.aliases[0]");
  });
});

describe("An event is malformed", () => {
  const message = { msgtype: "m.text", body: "hi" };
  it.each<[string, unknown, string]>([
    ["that is no object", "event", "event"],
    ["without a type", around("", message), "type"],
    ["without a content", around("m.room.message", undefined), "content"],
    ["with an id that is a number", around("m.room.message", message, { event_id: 5 }), "event_id"],
    ["with a room id that is empty", around("m.room.message", message, { room_id: "" }), "room_id"],
    ["with a sender that is no user id", around("m.room.message", message, { sender: "ann" }), "sender"],
    ["with a time that is text", around("m.room.message", message, { origin_server_ts: "now" }), "origin_server_ts"],
    ["with a redacted id that is an object", around("m.room.redaction", {}, { redacts: {} }), "redacts"],
    ["of state without a state key", around("m.room.name", {}), "state_key"],
    ["of state with the state key of other state", around("m.room.name", {}, { state_key: "x" }), "state_key"],
    [
      "of a member whose state key is no user",
      around("m.room.member", { membership: "join" }, { state_key: "" }),
      "state_key",
    ],
    ["of the timeline with a state key", around("m.room.message", message, { state_key: "" }), "state_key"],
    ["with a malformed content", around("m.reaction", { "m.relates_to": {} }), "content.m.relates_to.rel_type"],
  ])("%s", (_, json, path) => expect(decodeEvent(json)).toEqual({ malformed: path }));
});

/** Replaces each string in a value by another, one at a time. */
function* withEachString(value: unknown, text: string): Generator<unknown> {
  if (typeof value === "string") yield text;
  else if (Array.isArray(value)) {
    for (const [at, item] of value.entries())
      for (const other of withEachString(item, text)) yield value.with(at, other);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value))
      for (const other of withEachString(item, text)) yield { ...value, [key]: other };
  }
}

const longestIn = (value: unknown): number => {
  if (typeof value === "string") return value.length;
  return typeof value === "object" && value !== null
    ? Math.max(0, ...Object.entries(value).map(([key, item]) => Math.max(key.length, longestIn(item))))
    : 0;
};

describe("A string of 64 KiB and more", () => {
  it.each(todaysContents.map(([type, content]) => [type, content] as const))(
    "is not taken over from any field of %s %j",
    (type, content) => {
      for (const char of ["/", " ", "a", "@", ":", "#", "\u202e"]) {
        for (const hostile of withEachString(content, char.repeat(65_537))) {
          expect(longestIn(decodeContent(type as EventType, hostile).ok)).toBeLessThan(65_537);
        }
      }
    },
  );

  it("is not taken over from any field around a content", () => {
    for (const hostile of withEachString(around("m.room.message", { msgtype: "m.text", body: "" }), "@".repeat(65_537)))
      expect(decodeEvent(hostile).ok).toBeUndefined();
  });
});
