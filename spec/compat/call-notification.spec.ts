// Notifications as the original and the facade read them, by the same expectations. MSC4075.
import type { MatrixEvent } from "matrix-js-sdk";
import { describe, expect, it, vi } from "vitest";
import { alice, bob, mockEvent, slotType, stateContent, stateType, stickyContent, stickyType } from "./mocks.ts";
import { sides } from "./sides.ts";

const type = "org.matrix.msc4075.rtc.notification";
const now = 1_000_000;
const content = {
  user_id: bob,
  slot_id: "m.call#ROOM",
  "m.mentions": { user_ids: [alice] },
  notification_type: "ring",
  sender_ts: now - 1_000,
  lifetime: 30_000,
  msc4354_sticky_key: "m.call#ROOM",
};
const openSlot = { status: "open", application: { type: "m.call" } };

interface World {
  readonly members?: readonly object[];
  readonly slot?: object | undefined;
  readonly mayMentionRoom?: boolean;
  readonly declines?: readonly string[];
  readonly keyed?: (sender: string, ofType: string, key: string) => MatrixEvent | undefined;
}

function roomOf({ members = [], slot = openSlot, mayMentionRoom = false, declines = [], keyed }: World) {
  const events = members.map((member) => mockEvent("slot_id" in member ? stickyType : stateType, member, now));
  const state = {
    getStateEvents: (ofType: string, key?: string) => {
      if (ofType === slotType) return slot && key === "m.call#ROOM" ? mockEvent(slotType, slot) : null;
      return events.filter((event) => event.getType() === ofType);
    },
    mayTriggerNotifOfType: () => mayMentionRoom,
  };
  const relations = { getRelations: () => declines.map((user_id) => mockEvent("decline", { user_id })) };
  return {
    getLiveTimeline: () => ({ getState: () => state }),
    getUnfilteredTimelineSet: () => ({ relations: { getChildEventsForEvent: () => relations } }),
    _unstable_getStickyEvents: () => events.filter((event) => event.getType() === stickyType),
    _unstable_getKeyedStickyEvent: keyed ?? (() => undefined),
    events,
  };
}

describe.each(sides)("A notification as $name reads it", ({ names }) => {
  const parse = (fields: object = {}, world: World = {}, more: object = {}) => {
    const event = Object.assign(mockEvent(type, { ...content, ...fields }, now - 900), more);
    return names.parseCallNotificationContent(event, { room: roomOf(world) as never, userId: alice, now });
  };

  it("rings if it mentions us", async () => {
    const { user_id: _, ...parsed } = content;
    await expect(parse()).resolves.toEqual(parsed);
  });

  it("rings if its sender may mention the room", async () => {
    const room = { "m.mentions": { room: true } };
    await expect(parse(room, { mayMentionRoom: true })).resolves.toMatchObject(room);
    await expect(parse(room)).rejects.toThrow("does not mention");
  });

  it("rings for two minutes at most", async () => {
    await expect(parse({ lifetime: 300_000 })).resolves.toMatchObject({ lifetime: 120_000 });
  });

  it("finds its slot by the membership of its sender, if it names none", async () => {
    const world = { members: [stateContent] };
    const room = roomOf(world);
    const relation = { rel_type: "m.reference", event_id: room.events[0]!.getId() };
    const event = mockEvent(type, { ...content, slot_id: undefined, "m.relates_to": relation }, now);
    await expect(
      names.parseCallNotificationContent(event, { room: room as never, userId: alice, now }),
    ).resolves.toMatchObject({ slot_id: "m.call#ROOM" });
    await expect(parse({ slot_id: undefined, "m.relates_to": { ...relation, event_id: "$x" } })).rejects.toThrow(
      "is not a current membership",
    );
  });

  it.each([
    ["has no slot and no relation", { slot_id: undefined }, "Missing slot_id"],
    ["has a malformed slot", { slot_id: 1 }, "Invalid slot_id"],
    ["has another sticky key", { msc4354_sticky_key: "x" }, "msc4354_sticky_key must be equal to slot_id"],
    ["has no time", { sender_ts: undefined }, "sender_ts"],
    ["has a broken time", { sender_ts: 1.5 }, "sender_ts"],
    ["has no lifetime", { lifetime: "1" }, "lifetime"],
    ["has a lifetime below zero", { lifetime: -1 }, "lifetime"],
    ["mentions nothing", { "m.mentions": undefined }, "m.mentions"],
    ["has malformed mentions", { "m.mentions": "all" }, "m.mentions"],
    ["mentions the room in a malformed way", { "m.mentions": { room: 1 } }, "m.mentions.room"],
    ["mentions users in a malformed way", { "m.mentions": { user_ids: [1] } }, "m.mentions.user_ids"],
    ["mentions nobody", { "m.mentions": { user_ids: [] } }, "must target"],
    ["mentions others", { "m.mentions": { user_ids: [bob] } }, "does not mention"],
    ["has expired", { lifetime: 1_000 }, "expired"],
    ["is our own", { user_id: alice }, "receiving user"],
  ])("does not ring if it %s", async (_, fields, message) => {
    await expect(parse(fields)).rejects.toThrow(message);
  });

  it.each([
    ["the room has no slot", { slot: undefined }, "does not exist or is closed"],
    ["its slot is closed", { slot: { status: "closed" } }, "does not exist or is closed"],
    ["we are in the call", { members: [{ ...stateContent, user_id: alice }] }, "already joined"],
    [
      "another device of ours is in the call",
      { members: [{ ...stickyContent, user_id: alice, member: { ...stickyContent.member, user_id: alice } }] },
      "already joined",
    ],
    ["we have left the call since", { members: [{ user_id: alice, slot_id: "m.call#ROOM" }] }, "left slot"],
    ["we have declined it", { declines: [alice] }, "declined"],
    ["we have declined it in a sticky event", { keyed: () => mockEvent("decline", {}) }, "declined"],
  ] as [string, World, string][])("does not ring if %s", async (_, world, message) => {
    const missing = "slot" in world && world.slot === undefined ? { slot: null as never } : {};
    await expect(parse({}, { ...world, ...missing })).rejects.toThrow(message);
  });

  it.each([
    ["others have declined it", { declines: [bob] }],
    ["others are in the call", { members: [stateContent] }],
    ["our membership has expired", { members: [{ ...stateContent, user_id: alice, created_ts: 1, expires: 1 }] }],
    ["our membership is of another slot", { members: [{ ...stateContent, user_id: alice, call_id: "other" }] }],
    ["our event is no membership", { members: [{ user_id: alice, application: "m.call", junk: 1 }] }],
  ] as [string, World][])("rings if %s", async (_, world) => {
    vi.useFakeTimers({ now, toFake: ["Date"] });
    await expect(parse({}, world)).resolves.toMatchObject({ slot_id: "m.call#ROOM" });
    vi.useRealTimers();
  });

  it("does not ring if a newer one has replaced it", async () => {
    const sticky = { unstableStickyInfo: { duration_ms: 1 } };
    await expect(parse({}, { keyed: () => mockEvent(type, content) }, sticky)).rejects.toThrow("not the current");
  });

  it("does not ring if it was withdrawn", async () => {
    const event = mockEvent(type, { user_id: bob, msc4354_sticky_key: "m.call#ROOM" });
    const context = { room: roomOf({}) as never, userId: alice, now };
    await expect(names.parseCallNotificationContent(event, context)).rejects.toThrow("withdrawn");
  });

  it("is no other event", async () => {
    const event = mockEvent("m.other", content);
    await expect(
      names.parseCallNotificationContent(event, { room: roomOf({}) as never, userId: alice, now }),
    ).rejects.toThrow("is not an");
  });

  it("expires by the clock of its sender, or of its server if that is far behind", () => {
    const expiry = (sender_ts: number, lifetime: number) =>
      names.getCallNotificationExpiry({ sender_ts, lifetime }, 1_000_000, 1_000_000);
    expect(expiry(1_010_000, 5_000)).toBe(1_015_000);
    expect(expiry(1_020_001, 5_000)).toBe(1_005_000);
    expect(expiry(1_000_000, 500_000)).toBe(1_120_000);
  });
});
