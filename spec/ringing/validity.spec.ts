// The rules of ringing: each of them broken alone gives its own reason. MSC4075, protocol.md 7.3.
import { describe, expect, it } from "vitest";
import { type Ring, type RingConditions, ringEndTs, ringRefusal } from "../../src/ringing/index.ts";

const alice = "@alice:example.org";
const bob = "@bob:example.org";

const ring: Ring = {
  form: "notification",
  eventId: "$ring",
  type: "org.matrix.msc4075.rtc.notification",
  sender: alice,
  slot: "m.call#ROOM",
  sentTs: 1_000_000,
  senderTs: 1_000_000,
  lifetimeMs: 90_000,
  userIds: [bob],
  isForRoom: false,
  alert: "ring",
  intent: undefined,
  memberEventId: undefined,
};

const conditions: RingConditions = {
  now: 1_001_000,
  userId: bob,
  isFunctional: false,
  seenTs: 1_001_000,
  revoked: undefined,
  isSenderInRoom: true,
  slotStatus: "open",
  strictSlots: true,
  maySenderNotifyRoom: true,
  isInCall: false,
  leftTs: undefined,
  hasDeclined: false,
  isCallOver: false,
};

describe("A ring that breaks no rule", () => {
  it.each<[string, Partial<Ring>, Partial<RingConditions>]>([
    ["names us", {}, {}],
    ["names the room", { userIds: [], isForRoom: true }, {}],
    ["names us, and we are a bot", {}, { isFunctional: true }],
    ["names us, and the room without the power to", { isForRoom: true }, { maySenderNotifyRoom: false }],
    ["is for a slot that is absent, without strictSlots", {}, { slotStatus: "absent", strictSlots: false }],
    ["came after we left", {}, { leftTs: 999_999 }],
    ["is in its last millisecond", {}, { now: 1_089_999, seenTs: 1_000_000 }],
  ])("rings if it %s", (_, ringChanges, changes) => {
    expect(ringRefusal({ ...ring, ...ringChanges }, { ...conditions, ...changes })).toBeUndefined();
  });
});

describe("A ring does not ring", () => {
  it.each<[string, Partial<Ring>, Partial<RingConditions>, string]>([
    ["if we sent it", { sender: bob }, {}, "own"],
    ["if it was redacted", {}, { revoked: "redacted" }, "redacted"],
    ["if it was withdrawn", {}, { revoked: "withdrawn" }, "withdrawn"],
    ["if its sender rang again", {}, { revoked: "superseded" }, "superseded"],
    ["if its sender is not in the room", {}, { isSenderInRoom: false }, "not-in-room"],
    ["if the slot is closed", {}, { slotStatus: "closed", strictSlots: false }, "slot-closed"],
    ["if the slot is absent, with strictSlots", {}, { slotStatus: "absent" }, "slot-closed"],
    ["once its lifetime is over", {}, { now: 1_090_000, seenTs: 1_000_000 }, "expired"],
    ["if its lifetime is 0", { lifetimeMs: 0 }, {}, "expired"],
    [
      "if it names the room, and we are a bot",
      { userIds: [], isForRoom: true },
      { isFunctional: true },
      "not-mentioned",
    ],
    ["if it names somebody else", { userIds: [alice] }, {}, "not-mentioned"],
    [
      "if it names the room without the power to",
      { userIds: [], isForRoom: true },
      { maySenderNotifyRoom: false },
      "may-not-notify-room",
    ],
    ["if a device of ours is in the call", {}, { isInCall: true }, "in-call"],
    ["if a device of ours left the call after it", {}, { leftTs: 1_000_000 }, "left"],
    ["if a device of ours declined it", {}, { hasDeclined: true }, "declined"],
    ["if the call is over", {}, { isCallOver: true }, "call-over"],
  ])("%s", (_, ringChanges, changes, reason) => {
    expect(ringRefusal({ ...ring, ...ringChanges }, { ...conditions, ...changes })).toBe(reason);
  });
});

describe("The end of a ring", () => {
  const end = (senderTs: number, lifetimeMs: number, seenTs = 0) =>
    ringEndTs({ senderTs, sentTs: 0, lifetimeMs }, seenTs);

  it("counts from the sender's clock, also if that is 19 s ahead (vector B11)", () =>
    expect(end(19_000, 30_000)).toBe(49_000));
  it("counts from the sender's clock if that is 20 s ahead, and not if it is a moment more", () =>
    expect([end(20_000, 30_000), end(20_001, 30_000)]).toEqual([50_000, 30_000]));
  it("counts from the sender's clock, whatever the time is", () =>
    expect(ringEndTs({ senderTs: 1_000_001, sentTs: 1_000_000, lifetimeMs: 30_000 }, 1_000_000)).toBe(1_030_001));
  it("counts from the server's clock if the sender's is 21 s ahead (vector B11)", () =>
    expect(end(21_000, 30_000)).toBe(30_000));
  it("counts from the sender's clock if that is behind (vector B11)", () => expect(end(-60_000, 30_000)).toBe(-30_000));
  it("is at most two minutes after we saw it, whatever the clocks say", () => {
    expect(end(3_600_000, 90_000, 100)).toBe(90_000);
    expect(ringEndTs({ senderTs: 3_600_000, sentTs: 3_600_000, lifetimeMs: 90_000 }, 100)).toBe(120_100);
  });
});
