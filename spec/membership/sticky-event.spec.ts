import { describe, expect, it } from "vitest";
import { parseStickyMember, stickyKeyOf } from "../../src/membership/sticky-event.ts";
import { alice, bob, type Content, fromJson, stickyContent, stickyEvent, stickyLeave } from "../support/contents.ts";

const parse = (content: unknown, senderDeviceId?: string) =>
  parseStickyMember(
    stickyEvent(content, { originServerTs: 7, eventId: "$e", ...(senderDeviceId !== undefined && { senderDeviceId }) }),
    99,
  );

const claim = (content: unknown, senderDeviceId?: string) => {
  const { ok } = parse(content, senderDeviceId);
  if (ok === undefined || ok === "left") throw new Error("no claim");
  return ok;
};

/** The content with some fields changed, by path. `undefined` removes a field. */
const changed = (changes: Content): unknown => {
  const content = structuredClone(stickyContent()) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const [field = "", ...parents] = path.split("/").toReversed();
    const parent = parents.toReversed().reduce((at, name) => at[name] as Record<string, unknown>, content);
    parent[field] = value;
  }
  return fromJson(JSON.stringify(content));
};

const transport = { type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt" };

describe("A sticky membership (2.2, 2.4)", () => {
  it("is read field by field", () => {
    expect(claim(stickyContent())).toEqual({
      kind: "sticky",
      userId: alice,
      deviceId: "PHONE",
      memberId: "one",
      instance: expect.any(String),
      slot: "m.call#ROOM",
      application: { type: "m.call", "m.call.intent": "video" },
      intent: "video",
      transports: [transport],
      focusSelection: undefined,
      createdTs: 7,
      expiresTs: 99,
      eventId: "$e",
    });
  });

  it.each([
    ["sender", { sender: `@${"a".repeat(255)}` }, "sender"],
    ["event id", { eventId: `$${"a".repeat(255)}` }, "event_id"],
  ])("with a %s that is too long is malformed", (_, changes, path) => {
    expect(parseStickyMember(stickyEvent(stickyContent(), changes), 99)).toEqual({ malformed: path });
  });

  it.each([
    ["sticky_key", { sticky_key: "two" }],
    ["sticky_key", { sticky_key: 1 }],
    ["sticky_key", { sticky_key: null }],
    ["sticky_key", { msc4354_sticky_key: {} }],
    ["sticky_key", { sticky_key: undefined, msc4354_sticky_key: undefined }],
    ["application", { application: "m.call" }],
    ["application", { application: null }],
    ["application", { application: ["m.call"] }],
    ["application.type", { application: {} }],
    ["application.type", { "application/type": 1 }],
    ["application.type", { "application/type": "m.call#ROOM" }],
    ["slot_id", { slot_id: undefined }],
    ["slot_id", { slot_id: 1 }],
    ["slot_id", { slot_id: "m.call" }],
    ["slot_id", { slot_id: "m.callers#ROOM" }],
    ["slot_id", { slot_id: "org.example.board#ROOM" }],
    ["slot_id", { slot_id: "m.call#ROOM#1" }],
    ["member", { member: undefined }],
    ["member", { member: "one" }],
    ["member", { member: [] }],
    ["member.id", { "member/id": undefined }],
    ["member.id", { "member/id": 1 }],
    ["member.id", { "member/id": "" }],
    ["member.membership", { "member/membership": "knock" }],
    ["member.membership", { "member/membership": null }],
    ["member.user_id", { "member/user_id": bob }],
    ["member.user_id", { "member/user_id": null }],
    ["member.user_id", { "member/user_id": 1 }],
    ["member.claimed_user_id", { "member/claimed_user_id": bob }],
    ["member.claimed_user_id", { "member/user_id": undefined, "member/claimed_user_id": bob }],
    ["member.device_id", { "member/device_id": 1 }],
    ["member.device_id", { "member/device_id": null }],
    ["member.device_id", { "member/device_id": "" }],
    ["member.claimed_device_id", { "member/claimed_device_id": 1 }],
    ["member.device_id", { "member/device_id": undefined, "member/claimed_device_id": undefined }],
    ["transports", { transports: [transport] }],
    ["transports", { transports: null }],
    ["transports", { transports: "livekit" }],
    ["transports.published", { "transports/published": null }],
    ["transports.published", { "transports/published": transport }],
    ["transports.published[1]", { "transports/published": [transport, "livekit"] }],
    ["transports.published[0].type", { "transports/published": [{}] }],
    ["transports.can_subscribe", { "transports/can_subscribe": "livekit" }],
    ["transports.can_subscribe", { "transports/can_subscribe": [1] }],
    ["rtc_transports", { transports: undefined, rtc_transports: {} }],
    ["rtc_transports[0]", { transports: undefined, rtc_transports: [null] }],
    ["rtc_transports[0].type", { rtc_transports: [{ type: 1 }] }],
    ["versions", { versions: "1" }],
    ["versions", { versions: [1] }],
    ["m.relates_to", { "m.relates_to": "$e" }],
    ["m.relates_to", { "m.relates_to": { rel_type: "m.thread", event_id: "$e" } }],
    ["m.relates_to", { "m.relates_to": { rel_type: "m.reference" } }],
  ])("is malformed at %s with %j", (path, changes: Content) => {
    expect(parse(changed(changes))).toEqual({ malformed: path });
  });

  it.each([["text"], [null], [[]]])("with the content %j is malformed", (content) => {
    expect(parse(content)).toEqual({ malformed: "content" });
  });

  it.each([
    ["as matrix-js-sdk 43 sends it", stickyLeave()],
    ["as older ones did", { msc4354_sticky_key: "one" }],
    [
      "with a reason",
      { ...stickyLeave(), member: { id: "one", membership: "leave" }, leave_reason: { code: "leave" } },
    ],
    ["that has all fields of a join", changed({ "member/membership": "leave" })],
    ["with the stable name of the key alone", { sticky_key: "one" }],
  ])("has left after a leave %s", (_, content) => expect(parse(content)).toEqual({ ok: "left" }));

  it.each([
    ["published transports before flat ones", { rtc_transports: [] }, { transports: [transport] }],
    ["flat transports if there are no others", { transports: undefined }, { transports: [transport] }],
    ["flat transports if none are published", { "transports/published": undefined }, { transports: [transport] }],
    ["no transports at all", { transports: undefined, rtc_transports: undefined }, { transports: [] }],
    ["an empty list of transports", { "transports/published": [] }, { transports: [] }],
    ["no can_subscribe", { "transports/can_subscribe": undefined }, {}],
    ["no versions", { versions: undefined }, {}],
    ["a reference to its first join", { "m.relates_to": { rel_type: "m.reference", event_id: "$1" } }, {}],
    ["the typo of that reference", { "m.relation": { event_id: "$1" } }, {}],
    ["the unstable name of the key alone", { sticky_key: undefined }, { memberId: "one" }],
    ["the stable name of the key alone", { msc4354_sticky_key: undefined }, { memberId: "one" }],
    ["a key that is not the member id", { sticky_key: "x", msc4354_sticky_key: "x" }, { memberId: "one" }],
    ["no user id", { "member/user_id": undefined, "member/claimed_user_id": undefined }, { userId: alice }],
    ["a claimed device", { "member/device_id": undefined }, { deviceId: "PHONE" }],
    ["no membership", { "member/membership": undefined }, {}],
    ["an intent that is not a string, which counts as none", { "application/m.call.intent": 1 }, { intent: undefined }],
    ["no intent", { "application/m.call.intent": undefined }, { intent: undefined }],
    ["another slot", { slot_id: "m.call#two" }, { slot: "m.call#two" }],
    ["a slot with an empty id", { slot_id: "m.call#" }, { slot: "m.call#" }],
  ])("is valid with %s", (_, changes: Content, expected) => {
    expect(claim(changed(changes))).toMatchObject(expected);
  });

  it("in the newest form names no device: it belongs to the device that encrypted it", () => {
    const content = changed({
      member: { id: "one", membership: "join" },
      versions: undefined,
      rtc_transports: undefined,
    });
    expect(claim(content, "PHONE")).toMatchObject({ userId: alice, deviceId: "PHONE", memberId: "one" });
    expect(parse(content)).toEqual({ malformed: "member.device_id" });
  });

  it("keeps unknown fields of its application and transports, but drops a URL that is not a string", () => {
    const { application, transports } = claim(
      changed({
        "application/org.example.a": [1],
        "transports/published": [
          { ...transport, extra: 1 },
          { type: "livekit", livekit_service_url: {} },
        ],
      }),
    );
    expect(application).toEqual({ type: "m.call", "m.call.intent": "video", "org.example.a": [1] });
    expect(transports).toEqual([{ ...transport, extra: 1 }, { type: "livekit" }]);
  });

  it("reads no inherited fields", () => {
    const text = JSON.stringify(stickyContent());
    const inherited = text.replace(`"application":`, `"__proto__":{"application":1},"x":`);
    expect(parse(fromJson(inherited))).toEqual({ ok: "left" });
    const member = text.replace(`"id":"one",`, `"__proto__":{"id":"one"},`);
    expect(parse(fromJson(member))).toEqual({ malformed: "member.id" });
    expect(({} as Content)["application"]).toBeUndefined();
  });
});

describe("The sticky key of an event (B6)", () => {
  it.each([
    [{ sticky_key: "a" }, "a"],
    [{ msc4354_sticky_key: "a" }, "a"],
    [{ sticky_key: "a", msc4354_sticky_key: "a" }, "a"],
    [{ sticky_key: "" }, ""],
    [{ sticky_key: "a", msc4354_sticky_key: "b" }, undefined],
    [{ sticky_key: 1 }, undefined],
    [{}, undefined],
    [null, undefined],
    ["a", undefined],
  ])("in %j is %j", (content, key) => expect(stickyKeyOf(content)).toBe(key));
});
