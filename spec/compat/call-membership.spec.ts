// The members of the original and ours, by the same expectations: their content, their times, their transports.
import type { MatrixEvent } from "matrix-js-sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CallMembership } from "matrixrtc-rx/compat";
import { alice, bob, mockEvent, stateContent, stateType, stickyContent, stickyType } from "./mocks.ts";
import { sides } from "./sides.ts";

const hours = 3_600_000;

describe.each(sides)("CallMembership of $name", ({ names }) => {
  const eventOf = (content: object, ts = 0): MatrixEvent =>
    mockEvent("slot_id" in content ? stickyType : stateType, content, ts);
  const memberOf = (content: object, ts = 0): CallMembership => {
    const event = eventOf(content, ts);
    return new names.CallMembership(event, names.CallMembership.membershipDataFromMatrixEvent(event), "identity");
  };

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  describe("of a state event", () => {
    const content = { ...stateContent, "m.call.intent": "voice" };

    it("has what its content says", () => {
      const member = memberOf(content);
      expect(member.sender).toBe(bob);
      expect(member.userId).toBe(bob);
      expect(member.deviceId).toBe("BOBPHONE");
      expect(member.memberId).toBe(`${bob}:BOBPHONE`);
      expect(member.membershipID).toBe(`${bob}:BOBPHONE`);
      expect(member.eventId).toMatch(/^\$event/);
      expect(member.application).toBe("m.call");
      expect(member.callIntent).toBe("voice");
      expect(member.scope).toBe("m.room");
      expect(member.rtcBackendIdentity).toBe("identity");
      expect(member.transports).toEqual(content.foci_preferred);
    });

    it("has its own member id", () => expect(memberOf({ ...content, membershipID: "own" }).memberId).toBe("own"));

    it("has the data of its application, without the fields of the session", () => {
      expect(memberOf({ ...content, membershipID: "x", created_ts: 1, expires: 2 }).applicationData).toStrictEqual({
        type: "m.call",
        "m.call.intent": "voice",
      });
      expect(memberOf({ ...content, "org.example.key": { nested: true } }).applicationData).toStrictEqual({
        "org.example.key": { nested: true },
        type: "m.call",
        "m.call.intent": "voice",
      });
    });

    it.each([
      ["m.call", "", "m.call#ROOM", { application: "m.call", id: "ROOM" }],
      ["m.call", "custom", "m.call#custom", { application: "m.call", id: "custom" }],
      ["m.board", "", "m.board#", { application: "m.board", id: "" }],
    ])("is in the right slot: application %s, call id %j, slot %s", (application, call_id, slotId, description) => {
      const member = memberOf({ ...content, application, call_id });
      expect(member.slotId).toBe(slotId);
      expect(member.slotDescription).toStrictEqual(description);
    });

    it("begins with its event, or earlier if it says so", () => {
      expect(memberOf(content, 12_345).createdTs()).toBe(12_345);
      expect(memberOf({ ...content, created_ts: 678 }, 12_345).createdTs()).toBe(678);
    });

    it("ends after four hours, or when it says so", () => {
      expect(names.DEFAULT_EXPIRE_DURATION).toBe(4 * hours);
      vi.setSystemTime(2_000);
      const member = memberOf(content, 1_000);
      expect(member.getAbsoluteExpiry()).toBe(1_000 + 4 * hours);
      expect(member.getMsUntilExpiry()).toBe(4 * hours - 1_000);
      expect(member.isExpired()).toBe(false);
      expect(memberOf({ ...content, expires: 500 }, 1_000).getAbsoluteExpiry()).toBe(1_500);
      expect(memberOf({ ...content, expires: 500 }, 1_000).isExpired()).toBe(true);
      expect(memberOf({ ...content, created_ts: 500, expires: 2_000 }, 1_000).getAbsoluteExpiry()).toBe(2_500);
    });

    it.each([
      ["device_id", undefined],
      ["device_id", 1],
      ["call_id", undefined],
      ["application", 1],
      ["focus_active", undefined],
      ["focus_active", {}],
      ["foci_preferred", "livekit"],
      ["foci_preferred", [null]],
      ["foci_preferred", [{}]],
      ["created_ts", "1"],
      ["scope", 1],
      ["m.call.intent", 1],
    ])("is refused with %s: %j", (field, value) => {
      expect(() => memberOf({ ...content, [field]: value })).toThrow(field);
    });

    it.each(["scope", "foci_preferred", "created_ts", "m.call.intent", "expires"])("needs no %s", (field) => {
      expect(() => memberOf({ ...content, [field]: undefined })).not.toThrow();
    });

    it("publishes on the transport that its selection names", () => {
      const [one, two] = [{ type: "one" }, { type: "two" }];
      const selects = (focus_selection: string, foci_preferred: object[]) =>
        memberOf({ ...content, foci_preferred, focus_active: { type: "livekit", focus_selection } });
      const oldest = selects("oldest_membership", [one]);
      expect(oldest.getTransport(oldest)).toBe(one);
      expect(selects("oldest_membership", [two]).getTransport(oldest)).toBe(one);
      expect(selects("multi_sfu", [two]).getTransport(oldest)).toBe(two);
      expect(selects("unknown", [two]).getTransport(oldest)).toBeUndefined();
    });
  });

  describe("of a sticky event", () => {
    const content = { ...stickyContent, application: { type: "m.call", "m.call.intent": "voice", more: 1 } };

    it("has what its content says", () => {
      const member = memberOf(content, 12_345);
      expect(member.userId).toBe(bob);
      expect(member.deviceId).toBe("BOBPHONE");
      expect(member.memberId).toBe("bob-in-this-call");
      expect(member.slotId).toBe("m.call#ROOM");
      expect(member.slotDescription).toStrictEqual({ application: "m.call", id: "ROOM" });
      expect(member.application).toBe("m.call");
      expect(member.applicationData).toStrictEqual(content.application);
      expect(member.callIntent).toBe("voice");
      expect(member.scope).toBeUndefined();
      expect(member.createdTs()).toBe(12_345);
      expect(member.transports).toEqual(content.transports.published);
      expect(member.getTransport(member)).toEqual(content.transports.published[0]);
    });

    it("never expires", () => {
      const member = memberOf(content);
      expect(member.getAbsoluteExpiry()).toBeUndefined();
      expect(member.getMsUntilExpiry()).toBeUndefined();
      expect(member.isExpired()).toBe(false);
    });

    it.each([
      ["no slot", { slot_id: undefined }],
      ["a slot of another application", { slot_id: "m.other#ROOM" }],
      ["a slot without #", { slot_id: "m.call" }],
      ["a slot with two #", { slot_id: "m.call#a#b" }],
      ["no application", { application: undefined }],
      ["an application without a type", { application: {} }],
      ["an application with a # in its type", { application: { type: "m.#" }, slot_id: "m.##" }],
      ["no member", { member: undefined }],
      ["a member without a user", { member: { id: "x", device_id: "x" } }],
      ["a member with a malformed user", { member: { id: "x", device_id: "x", user_id: "@@x" } }],
      ["a member of somebody else", { member: { id: "x", device_id: "x", user_id: alice } }],
      ["a member without a device", { member: { id: "x", user_id: bob } }],
      ["a member without an id", { member: { device_id: "x", user_id: bob } }],
      ["no transports", { transports: undefined }],
      ["transports of no list", { transports: { published: {}, can_subscribe: [] } }],
      ["transports without a type", { transports: { published: [{}], can_subscribe: [] } }],
      ["transports to subscribe to that are no texts", { transports: { published: [], can_subscribe: [1] } }],
      ["no versions", { versions: undefined }],
      ["versions that are no texts", { versions: [1] }],
      ["no sticky key", { msc4354_sticky_key: undefined }],
      ["a sticky key that is no text", { sticky_key: 1, msc4354_sticky_key: undefined }],
      ["two different sticky keys", { sticky_key: "other" }],
      ["a relation of another kind", { "m.relates_to": { rel_type: "m.annotation", event_id: "$e" } }],
      ["a relation without an event", { "m.relates_to": { rel_type: "m.reference" } }],
    ])("is refused with %s", (_, fields) => {
      const event = mockEvent(stickyType, { ...content, ...fields });
      expect(() => names.CallMembership.membershipDataFromMatrixEvent(event)).toThrow("Does not match RtcMembership");
    });

    it.each([
      ["the same sticky key twice", { sticky_key: "bob-in-this-call" }],
      ["the stable name of the sticky key", { sticky_key: "x", msc4354_sticky_key: undefined }],
      ["a relation", { "m.relates_to": { rel_type: "m.reference", event_id: "$e" } }],
      ["no transport", { transports: { published: [], can_subscribe: [] } }],
    ])("is taken with %s", (_, fields) => expect(() => memberOf({ ...content, ...fields })).not.toThrow());
  });

  it("is made of an event, with its identity", async () => {
    const { CallMembership } = names;
    expect((await CallMembership.parseFromEvent(eventOf(stateContent))).rtcBackendIdentity).toBe(`${bob}:BOBPHONE`);
    expect((await CallMembership.parseFromEvent(eventOf(stickyContent))).rtcBackendIdentity).toBe(
      await names.computeRtcIdentityRaw(bob, "BOBPHONE", "bob-in-this-call"),
    );
    await expect(CallMembership.parseFromEvent(mockEvent("m.room.message", stateContent))).rejects.toThrow();
    await expect(CallMembership.parseFromEvent(eventOf({ ...stateContent, user_id: undefined }))).rejects.toThrow();
  });

  it("needs an event with an id and a sender", () => {
    const event = eventOf(stateContent);
    const data = names.CallMembership.membershipDataFromMatrixEvent(event);
    vi.mocked(event.getId).mockReturnValueOnce(undefined);
    expect(() => new names.CallMembership(event, data, "x")).toThrow("eventId");
    vi.mocked(event.getSender).mockReturnValueOnce(undefined);
    expect(() => new names.CallMembership(event, data, "x")).toThrow("sender");
  });

  it("equals a member that says the same", () => {
    const { equal } = names.CallMembership;
    const same = equal.bind(names.CallMembership);
    expect(same(memberOf(stateContent), memberOf(stateContent, 5))).toBe(true);
    expect(same(memberOf(stateContent), memberOf({ ...stateContent, expires: 1 }))).toBe(false);
    expect(same(memberOf(stateContent), memberOf(stickyContent))).toBe(false);
    expect(same(memberOf(stateContent), undefined)).toBe(false);
    expect(same(undefined, undefined)).toBe(true);
  });

  it("is this device, or not", () => {
    expect(names.isMyMembership({ sender: bob, deviceId: "BOBPHONE" } as never, bob, "BOBPHONE")).toBe(true);
    expect(names.isMyMembership({ sender: bob, deviceId: "BOBPHONE" } as never, bob, "OTHER")).toBe(false);
    expect(names.isMyMembership({ sender: bob, deviceId: "BOBPHONE" } as never, alice, "BOBPHONE")).toBe(false);
  });
});

describe.each(sides)("Helpers of $name", ({ names }) => {
  it("compute the identity of the vectors of MSC4195", async () => {
    // protocol.md 12.1
    const identity = await names.computeRtcIdentityRaw("@alice:example.org", "DEVICE", "member");
    expect(identity).toMatch(/^[A-Za-z0-9+/]{43}$/);
  });

  it("read and write slot ids", () => {
    expect(names.computeSlotId({ application: "m.call", id: "ROOM" })).toBe("m.call#ROOM");
    expect(names.slotIdToDescription("m.call#ROOM")).toEqual({ application: "m.call", id: "ROOM" });
    expect(() => names.slotIdToDescription("m.call#a#b")).toThrow();
  });

  it("know which memberships say that a member has left", () => {
    expect(names.isLeftMembershipContent({})).toBe(true);
    expect(names.isLeftMembershipContent({ slot_id: "m.call#ROOM", msc4354_sticky_key: "x" })).toBe(true);
    expect(names.isLeftMembershipContent(stateContent)).toBe(false);
  });

  it("know the kinds of LiveKit transports", () => {
    const config = { type: "livekit", livekit_service_url: "https://one.example.org" };
    const transport = { ...config, livekit_alias: "alias" };
    const selection = { type: "livekit", focus_selection: "oldest_membership" };
    expect([config, transport, selection, { type: "other" }].map(names.isLivekitTransportConfig)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([config, transport, selection].map(names.isLivekitTransport)).toEqual([false, true, false]);
    expect([config, transport, selection].map(names.isLivekitFocusSelection)).toEqual([false, false, true]);
  });

  it("name a member in the map of keys", () => {
    const ids = { userId: alice, deviceId: "PHONE", memberId: "uuid" };
    expect(names.getEncryptionKeyMapKey(ids)).toBe(`${alice}:PHONE(uuid)`);
  });

  it("find keys that come after a newer one", () => {
    const filter = new names.OutdatedKeyFilter();
    const membership = { userId: alice, deviceId: "PHONE", memberId: "uuid" };
    const isOutdated = (keyIndex: number, creationTS: number, of = membership) =>
      filter.isOutdated(of, { keyIndex, creationTS });
    expect(isOutdated(0, 1_000)).toBe(false);
    expect(isOutdated(0, 1_000)).toBe(false);
    expect(isOutdated(0, 999)).toBe(true);
    expect(isOutdated(1, 999)).toBe(false);
    expect(isOutdated(0, 999, { ...membership, memberId: "other" })).toBe(false);
    expect(isOutdated(0, 2_000)).toBe(false);
    expect(isOutdated(0, 1_500)).toBe(true);
  });

  it("have the same values of their enums", () => {
    expect(names.MatrixRTCSessionEvent).toMatchObject({
      MembershipsChanged: "memberships_changed",
      JoinStateChanged: "join_state_changed",
      EncryptionKeyChanged: "encryption_key_changed",
      MembershipManagerError: "membership_manager_error",
      DidSendCallNotification: "did_send_call_notification",
      KeyRotationSuppressedChanged: "key_rotation_suppressed_changed",
    });
    expect(Object.keys(names.Status)).toEqual(["Disconnected", "Connecting", "Connected", "Disconnecting", "Unknown"]);
    expect(names.MembershipManagerEvent.StatusChanged).toBe("StatusChanged");
    expect(names.KeyTransportEvents.ReceivedKeys).toBe("received_keys");
    expect(names.MatrixRTCSessionManagerEvents.SessionEnded).toBe("session_ended");
  });
});
