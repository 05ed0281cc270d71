// Rings and declines, decoded from every form that clients send. protocol.md 7.1, 7.6.
import { describe, expect, it } from "vitest";
import type { RoomEvent } from "../../src/matrix.ts";
import { decodeDecline, decodeRing } from "../../src/ringing/index.ts";

const bob = "@bob:example.org";
const event = (type: string, content: unknown): RoomEvent => {
  return { type, sender: "@alice:example.org", eventId: "$1", originServerTs: 5, content };
};

const notification = "org.matrix.msc4075.rtc.notification";
const invite = "org.matrix.msc4075.rtc.invite";

const inviteContent = {
  slot_id: "m.call#room",
  sender_ts: 7,
  lifetime: 90_000,
  "m.mentions": { user_ids: [bob] },
  sticky_key: "m.call#room",
};
/** E12 of protocol.md. */
const notificationContent = {
  slot_id: "m.call#ROOM",
  "m.mentions": { user_ids: [], room: true },
  notification_type: "ring",
  sender_ts: 7,
  lifetime: 90_000,
  "m.relates_to": { rel_type: "m.reference", event_id: "$join1" },
  "m.call.intent": "video",
  msc4354_sticky_key: "m.call#ROOM",
};

describe("A ring", () => {
  it("of matrix-js-sdk 43 is read", () =>
    expect(decodeRing(event(notification, notificationContent)).ok).toMatchObject({
      form: "notification",
      slot: "m.call#ROOM",
      senderTs: 7,
      sentTs: 5,
      lifetimeMs: 90_000,
      userIds: [],
      isForRoom: true,
      alert: "ring",
      intent: "video",
      memberEventId: "$join1",
    }));

  it.each([invite, "m.rtc.invite"])("of the newest proposal is read: %s", (type) =>
    expect(decodeRing(event(type, inviteContent)).ok).toMatchObject({
      form: "invite",
      slot: "m.call#room",
      alert: "ring",
    }),
  );

  it("under its stable name is read: m.rtc.notification", () =>
    expect(decodeRing(event("m.rtc.notification", notificationContent)).ok).toMatchObject({ form: "notification" }));

  it.each([
    ["ring", "ring"],
    ["notify", "notification"],
  ])("of 2024 is read, with notify_type %s", (notifyType, alert) => {
    const content = { application: "m.call", call_id: "", "m.mentions": { room: true }, notify_type: notifyType };
    expect(decodeRing(event("org.matrix.msc4075.call.notify", content)).ok).toMatchObject({
      form: "call-notify",
      slot: "m.call#ROOM",
      senderTs: 5,
      lifetimeMs: 90_000,
      alert,
    });
  });

  const ofThatYear = { application: "m.call", call_id: "", "m.mentions": { room: true } };

  it.each([
    ["m.call", "", "m.call#ROOM"],
    ["m.call", "side", "m.call#side"],
    ["org.example", "", "org.example#"],
    ["org.example", "1", "org.example#1"],
  ])("of 2024 with the application %s and the call id %j is of the slot %s", (application, call_id, slot) =>
    expect(decodeRing(event("m.call.notify", { ...ofThatYear, application, call_id })).ok).toMatchObject({ slot }),
  );

  it.each([
    ["application", { application: undefined }],
    ["application", { application: "" }],
    ["application", { application: "m.call#ROOM" }],
    ["application", { application: "a".repeat(65) }],
    ["call_id", { call_id: undefined }],
    ["call_id", { call_id: 1 }],
    ["call_id", { call_id: "a#b" }],
    ["m.mentions", { "m.mentions": [] }],
  ])("of 2024 is malformed at %s for %j", (path, changes) =>
    expect(decodeRing(event("m.call.notify", { ...ofThatYear, ...changes })).malformed).toBe(path),
  );

  it.each([
    ["type", "m.room.message", inviteContent],
    ["content", invite, null],
    ["content", invite, "ring"],
    ["content", invite, []],
  ])("is malformed at its %s: %s %j", (path, type, content) =>
    expect(decodeRing(event(type, content)).malformed).toBe(path),
  );

  it("can be a quiet notification, and can name a thousand users", () => {
    const quiet = { ...notificationContent, notification_type: "notification" };
    expect(decodeRing(event(notification, quiet)).ok).toMatchObject({ alert: "notification" });
    const userIds = Array.from({ length: 1_000 }, () => bob);
    const many = { ...inviteContent, "m.mentions": { user_ids: userIds } };
    expect(decodeRing(event(invite, many)).ok).toMatchObject({ userIds });
  });

  it("without a slot id has the slot of the membership that it names", () => {
    const { slot_id: _, msc4354_sticky_key: __, ...content } = notificationContent;
    const slotOf = (eventId: string) => (eventId === "$join1" ? "m.call#ROOM" : undefined);
    expect(decodeRing(event(notification, content), slotOf).ok).toMatchObject({ slot: "m.call#ROOM" });
    expect(decodeRing(event(notification, content)).malformed).toBe("slot_id");
  });

  it.each([
    [120_001, 120_000],
    [9e9, 120_000],
    [0, 0],
  ])("with the lifetime %i lasts %i ms", (lifetime, lifetimeMs) =>
    expect(decodeRing(event(invite, { ...inviteContent, lifetime })).ok).toMatchObject({ lifetimeMs }),
  );

  it.each([
    ["slot_id", { slot_id: 7 }],
    ["slot_id", { slot_id: "m.call" }],
    ["slot_id", { slot_id: "m.call#a#b" }],
    ["sticky_key", { msc4354_sticky_key: "m.call#other" }],
    ["sender_ts", { sender_ts: undefined }],
    ["sender_ts", { sender_ts: 1.5 }],
    ["lifetime", { lifetime: undefined }],
    ["lifetime", { lifetime: -1 }],
    ["lifetime", { lifetime: "90000" }],
    ["m.mentions", { "m.mentions": undefined }],
    ["m.mentions", { "m.mentions": {} }],
    ["m.mentions", { "m.mentions": { user_ids: [], room: false } }],
    ["m.mentions.room", { "m.mentions": { room: "yes" } }],
    ["m.mentions.user_ids", { "m.mentions": { user_ids: [7] } }],
    ["m.mentions.user_ids", { "m.mentions": { user_ids: Array.from({ length: 1_001 }, () => bob) } }],
  ])("is malformed at %s for %j", (path, changes) =>
    expect(decodeRing(event(invite, { ...inviteContent, ...changes })).malformed).toBe(path),
  );

  it("is taken back by an event that has nothing but its sticky key", () => {
    expect(decodeRing(event(notification, { msc4354_sticky_key: "m.call#ROOM" })).ok).toEqual({
      withdraws: "m.call#ROOM",
    });
    expect(decodeRing(event(invite, { sticky_key: "m.call#room" })).ok).toEqual({ withdraws: "m.call#room" });
    expect(decodeRing(event(invite, {})).ok).toEqual({ withdraws: undefined });
  });
});

describe("A decline", () => {
  const content = { "m.relates_to": { rel_type: "m.reference", event_id: "$ring" }, msc4354_sticky_key: "$ring" };

  it.each(["org.matrix.msc4310.rtc.decline", "org.matrix.msc4075.rtc.decline", "m.rtc.decline"])(
    "is read: %s",
    (type) => expect(decodeDecline(event(type, content)).ok).toMatchObject({ ringId: "$ring", reason: undefined }),
  );

  it("can have a reason of this library, which has a limit", () => {
    const busy = { ...content, "rx.matrixrtc.reason": "busy" };
    expect(decodeDecline(event("m.rtc.decline", busy)).ok?.reason).toBe("busy");
    const long = { ...content, "rx.matrixrtc.reason": "x".repeat(1_000) };
    expect(decodeDecline(event("m.rtc.decline", long)).ok?.reason).toHaveLength(200);
  });

  it("is malformed if its event has another type", () =>
    expect(decodeDecline(event("m.room.message", content)).malformed).toBe("type"));

  it.each([
    ["m.relates_to", {}],
    ["m.relates_to", { "m.relates_to": { rel_type: "m.thread", event_id: "$ring" } }],
    ["sticky_key", { ...content, msc4354_sticky_key: "$other" }],
  ])("is malformed at %s for %j", (path, wrong) =>
    expect(decodeDecline(event("m.rtc.decline", wrong)).malformed).toBe(path),
  );
});
