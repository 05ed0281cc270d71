// The session of the original and ours, by the same expectations: members, joining, keys, notifications, slots.
import { createClient, MatrixError } from "matrix-js-sdk";
import { UnsupportedStickyEventsEndpointError } from "matrix-js-sdk/lib/errors.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JoinSessionConfig, MatrixRTCSession, SlotDescription } from "matrixrtc-rx/compat";
import {
  alice,
  bob,
  focus,
  MockClient,
  mockEvent,
  MockRoom,
  settle,
  slotType,
  stateContent,
  stateType,
  stickyContent,
  stickyType,
} from "./mocks.ts";
import { sides } from "./sides.ts";

const call: SlotDescription = { application: "m.call", id: "ROOM" };
const ownIds = { userId: alice, deviceId: "PHONE", memberId: `${alice}:PHONE` };
const own = { ...stateContent, user_id: alice, device_id: "PHONE" };

describe.each(sides)("MatrixRTCSession of $name", ({ names }) => {
  let client: MockClient;
  const sessions: MatrixRTCSession[] = [];

  beforeEach(() => {
    client = new MockClient();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(sessions.splice(0).map((session) => session.stop()));
  });

  const open = async (
    room: MockRoom,
    options?: Parameters<typeof names.MatrixRTCSession.sessionForSlot>[3],
    slot = call,
  ): Promise<MatrixRTCSession> => {
    const session = names.MatrixRTCSession.sessionForSlot(client as never, room.asRoom, slot, options);
    sessions.push(session);
    await session.initialMembershipCalculated;
    return session;
  };
  const join = (session: MatrixRTCSession, config: JoinSessionConfig = {}): void =>
    session.joinRTCSession(ownIds, [focus], undefined, config);
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5_000, interval: 5 });

  describe("members", () => {
    it("are those of the room state", async () => {
      const session = await open(new MockRoom([stateContent]));
      expect(session.memberships).toHaveLength(1);
      const [member] = session.memberships;
      expect(member!.slotDescription).toEqual(call);
      expect(member!.scope).toBe("m.room");
      expect(member!.application).toBe("m.call");
      expect(member!.deviceId).toBe("BOBPHONE");
      expect(member!.isExpired()).toBe(false);
      expect(member!.rtcBackendIdentity).toBe(`${bob}:BOBPHONE`);
      expect(session.slotId).toBe("m.call#ROOM");
      expect(session.callId).toBe("ROOM");
    });

    it("are those of sticky events, with hashed identities", async () => {
      const session = await open(new MockRoom([stickyContent]));
      expect(session.memberships).toHaveLength(1);
      expect(session.memberships[0]!.memberId).toBe("bob-in-this-call");
      expect(session.memberships[0]!.rtcBackendIdentity).toBe(
        await names.computeRtcIdentityRaw(bob, "BOBPHONE", "bob-in-this-call"),
      );
    });

    it("are those of both, oldest first", async () => {
      vi.useFakeTimers({ now: 10_000, toFake: ["Date"] });
      const room = new MockRoom([
        { ...stateContent, device_id: "SECOND", created_ts: 3_000 },
        { ...stateContent, device_id: "FIRST", created_ts: 1_000 },
        stickyContent,
      ]);
      const session = await open(room);
      expect(session.memberships.map(({ deviceId }) => deviceId)).toEqual(["FIRST", "SECOND", "BOBPHONE"]);
      expect(session.getOldestMembership()!.deviceId).toBe("FIRST");
    });

    it("are those of one kind, if the options say so", async () => {
      const room = new MockRoom([{ ...stateContent, device_id: "STATE" }, stickyContent]);
      const only = async (sticky: boolean) =>
        (await open(room, { listenForStickyEvents: sticky, listenForMemberStateEvents: !sticky })).memberships;
      expect((await only(true)).map(({ deviceId }) => deviceId)).toEqual(["BOBPHONE"]);
      expect((await only(false)).map(({ deviceId }) => deviceId)).toEqual(["STATE"]);
    });

    it("come from the sticky event if a state event has its key", async () => {
      const key = `_${bob}_BOBPHONE`;
      const session = await open(new MockRoom([stateContent, { ...stickyContent, msc4354_sticky_key: key }]));
      expect(session.memberships).toHaveLength(1);
      expect(session.memberships[0]!.scope).toBeUndefined();
    });

    it.each([
      ["of another application", { ...stateContent, application: "m.other" }],
      ["of another slot", { ...stateContent, call_id: "other" }],
      ["that are expired", { ...stateContent, created_ts: 1_000, expires: 1_000 }],
      ["without a device", { ...stateContent, device_id: undefined }],
      ["without a call id", { ...stateContent, call_id: undefined }],
      ["without a focus", { ...stateContent, focus_active: undefined }],
      ["with a malformed focus", { ...stateContent, foci_preferred: [{}] }],
      ["that have left", { user_id: bob }],
      ["in the format of 2023", { user_id: bob, memberships: [{ device_id: "X" }] }],
      ["that are junk", { user_id: bob, memberships: ["i am a fish"], application: "m.call" }],
      ["whose call id has a #", { ...stateContent, call_id: "a#b" }],
      [
        "with a sticky event of somebody else",
        { ...stickyContent, member: { ...stickyContent.member, user_id: alice } },
      ],
    ])("do not include events %s", async (_, content) => {
      expect((await open(new MockRoom([content]))).memberships).toEqual([]);
    });

    it("do not include users who are not in the room", async () => {
      const room = new MockRoom([stateContent]);
      room.hasMembershipState.mockImplementation((user, membership) => user === alice && membership === "join");
      expect((await open(room)).memberships).toEqual([]);
    });

    it("do not include sticky events while the slot is closed", async () => {
      const room = new MockRoom([stickyContent, { ...stateContent, device_id: "STATE" }]);
      room.setSlot("m.call#ROOM", { status: "closed" });
      const session = await open(room);
      expect(session.memberships.map(({ deviceId }) => deviceId)).toEqual(["STATE"]);
    });

    it("are none if the room has no state", async () => {
      const room = new MockRoom([stateContent]);
      room.getLiveTimeline.mockReturnValue({ getState: () => undefined } as never);
      expect((await open(room)).memberships).toEqual([]);
    });

    it("are none without events", async () => expect((await open(new MockRoom())).memberships).toEqual([]));

    it("are those of another slot in its session", async () => {
      const room = new MockRoom([{ ...stateContent, application: "org.example.board", call_id: "1" }, stateContent]);
      const session = await open(room, undefined, { application: "org.example.board", id: "1" });
      expect(session.memberships.map(({ slotId }) => slotId)).toEqual(["org.example.board#1"]);
    });

    it("can be read without a session", async () => {
      const members = await names.MatrixRTCSession.sessionMembershipsForSlot(new MockRoom([stateContent]).asRoom, call);
      expect(members.map(({ userId }) => userId)).toEqual([bob]);
    });
  });

  describe("changes of members", () => {
    it("are announced once after the session was made", async () => {
      const room = new MockRoom([stateContent]);
      const session = names.MatrixRTCSession.sessionForSlot(client as never, room.asRoom, call);
      sessions.push(session);
      const onChange = vi.fn();
      session.on(names.MatrixRTCSessionEvent.MembershipsChanged, onChange);
      await settle();
      expect(onChange.mock.calls).toEqual([[[], session.memberships]]);
      expect(session.memberships).toHaveLength(1);
    });

    it("are announced only if something has changed", async () => {
      const room = new MockRoom([stateContent]);
      const session = await open(room);
      const onChange = vi.fn();
      session.on(names.MatrixRTCSessionEvent.MembershipsChanged, onChange);
      await session._onRTCSessionMemberUpdate();
      room.show([stateContent]);
      await session.ensureRecalculateSessionMembers();
      expect(onChange).not.toHaveBeenCalled();
      const before = session.memberships;
      room.show([]);
      await session._onRTCSessionMemberUpdate();
      expect(onChange.mock.calls).toEqual([[before, []]]);
    });

    it("are seen when a user enters or leaves the room", async () => {
      const room = new MockRoom([stateContent]);
      const session = await open(room);
      room.hasMembershipState.mockReturnValue(false);
      room.emit("RoomState.members");
      await settle();
      expect(session.memberships).toEqual([]);
    });

    it("are seen when a sticky event comes", async () => {
      const room = new MockRoom([stateContent]);
      const session = await open(room);
      room.show([stateContent, { ...stickyContent, member: { ...stickyContent.member, device_id: "STICKY" } }]);
      room.emit("RoomStickyEvents.Update", room.memberEvents.slice(1), [], []);
      await until(() => expect(session.memberships).toHaveLength(2));
    });

    it("are seen when the slot opens", async () => {
      const room = new MockRoom([stickyContent]);
      room.setSlot("m.call#ROOM", { status: "closed" });
      const session = await open(room);
      expect(session.memberships).toEqual([]);
      const slot = mockEvent(slotType, { status: "open", application: { type: "m.call" } });
      vi.mocked(slot.getStateKey).mockReturnValue("m.call#ROOM");
      vi.spyOn(room, "getLiveTimeline").mockReturnValue({
        getState: () => ({ getStateEvents: (type: string) => (type === slotType ? slot : []) }),
      } as never);
      room.emit("RoomState.events", slot);
      await until(() => expect(session.memberships).toHaveLength(1));
    });

    it("are seen when a membership expires", async () => {
      vi.useFakeTimers();
      const session = await open(new MockRoom([{ ...stateContent, expires: 5_000 }]));
      expect(session.memberships).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(5_001);
      expect(session.memberships).toEqual([]);
    });

    it("are not seen after stop", async () => {
      const room = new MockRoom([stateContent]);
      const session = await open(room);
      await session.stop();
      room.show([]);
      room.emit("RoomState.members");
      await settle();
      expect(session.memberships).toHaveLength(1);
      expect(room.eventNames()).toEqual([]);
    });
  });

  describe("the call", () => {
    it.each([
      [undefined, undefined, undefined],
      ["audio", undefined, "audio"],
      [undefined, "audio", "audio"],
      ["audio", "audio", "audio"],
      ["audio", "video", undefined],
    ])("has the intent of its members: %s and %s make %s", async (first, second, consensus) => {
      const contents = [
        { ...stateContent, "m.call.intent": first },
        { ...stateContent, device_id: "SECOND", "m.call.intent": second },
      ];
      expect((await open(new MockRoom(contents))).getConsensusCallIntent()).toBe(consensus);
    });

    it("uses the transport of its oldest member", async () => {
      const contents = [
        { ...stateContent, created_ts: Date.now() - 1_000, foci_preferred: [focus] },
        { ...stateContent, device_id: "SECOND" },
      ];
      const session = await open(new MockRoom(contents));
      const [oldest, second] = session.memberships;
      expect(session.getFocusInUse()).toBe(focus);
      expect(second!.getTransport(oldest)).toBe(focus);
    });
  });

  describe("a join", () => {
    it("is there directly after the call to join, and was not before", async () => {
      const session = await open(new MockRoom());
      expect(session.isJoined()).toBe(false);
      expect(session.membershipStatus).toBeUndefined();
      expect(session.probablyLeft).toBeUndefined();
      const onJoin = vi.fn();
      session.on(names.MatrixRTCSessionEvent.JoinStateChanged, onJoin);
      join(session);
      expect(session.isJoined()).toBe(true);
      expect(session.membershipStatus).toBe("Connecting");
      expect(session.probablyLeft).toBe(false);
      expect(onJoin.mock.calls).toEqual([[true]]);
      expect(client._unstable_sendDelayedStateEvent).toHaveBeenCalledTimes(1);
    });

    it("writes the membership in the form of the original", async () => {
      const session = await open(new MockRoom());
      session.joinRoomSession([focus]);
      await settle();
      expect(client.sendStateEvent).toHaveBeenCalledWith(
        "!room:example.org",
        stateType,
        {
          application: "m.call",
          call_id: "",
          device_id: "PHONE",
          expires: 14_400_000,
          foci_preferred: [focus],
          focus_active: { type: "livekit", focus_selection: "oldest_membership" },
          "m.call.intent": undefined,
          membershipID: `${alice}:PHONE`,
          scope: "m.room",
        },
        `_${alice}_PHONE_m.call`,
      );
      expect(client.sendStateEvent).toHaveBeenCalledTimes(1);
      expect(session.membershipStatus).toBe("Connected");
      expect(session.delayId).toBe("id");
    });

    it("does nothing if it is in the call already", async () => {
      const session = await open(new MockRoom());
      join(session);
      await settle();
      join(session);
      await settle();
      expect(client.sendStateEvent).toHaveBeenCalledTimes(1);
    });

    it("is a sticky member, if the config says so", async () => {
      const session = await open(new MockRoom());
      session.joinRTCSession({ ...ownIds, memberId: "alice-in-this-call" }, [], focus, {
        unstableSendStickyEvents: true,
      });
      expect(session.isJoined()).toBe(true);
      await settle();
      expect(client._unstable_sendStickyEvent.mock.calls[0]).toMatchObject([
        "!room:example.org",
        3_600_000,
        null,
        stickyType,
        { member: { id: "alice-in-this-call" } },
      ]);
      expect(client.sendStateEvent).not.toHaveBeenCalled();
    });

    it("emits the events of its manager, with the manager at the end", async () => {
      const session = await open(new MockRoom());
      const onStatus = vi.fn();
      const onDelayId = vi.fn();
      session.on(names.MembershipManagerEvent.StatusChanged, onStatus);
      session.on(names.MembershipManagerEvent.DelayIdChanged, onDelayId);
      join(session);
      await settle();
      expect(onStatus.mock.calls.map(([before, status]) => [before, status])).toEqual([
        ["Disconnected", "Connecting"],
        ["Connecting", "Connected"],
      ]);
      expect(onDelayId.mock.calls.map(([delayId]) => delayId)).toEqual(["id"]);
      expect(onDelayId.mock.calls[0]![1].isActivated()).toBe(true);
    });

    it("ends with an error if the membership is refused", async () => {
      const refusal = new MatrixError({ errcode: "M_FORBIDDEN" }, 403);
      client.sendStateEvent.mockRejectedValue(refusal);
      const session = await open(new MockRoom());
      const onError = vi.fn();
      session.on(names.MatrixRTCSessionEvent.MembershipManagerError, onError);
      join(session);
      await settle();
      expect(onError).toHaveBeenCalledTimes(1);
      expect(onError.mock.lastCall![0].cause).toBe(refusal);
      expect(session.isJoined()).toBe(false);
    });

    it("needs a membership before its intent or its application can change", async () => {
      const session = await open(new MockRoom());
      join(session);
      await expect(session.updateCallIntent("video")).rejects.toThrow("Not connected yet");
      await expect(session.updateApplicationData({})).rejects.toThrow("Not connected yet");
    });

    it("writes a new intent once the room shows it", async () => {
      const room = new MockRoom();
      const session = await open(room);
      join(session, { callIntent: "audio" });
      await settle();
      room.show([{ ...own, "m.call.intent": "audio" }]);
      await session._onRTCSessionMemberUpdate();
      await session.updateCallIntent("video");
      expect(client.sendStateEvent.mock.lastCall![2]).toMatchObject({ "m.call.intent": "video" });
      expect(client.sendStateEvent).toHaveBeenCalledTimes(2);
      await session.updateApplicationData({ "org.example.page": 1 });
      expect(client.sendStateEvent.mock.lastCall![2]).toMatchObject({ "org.example.page": 1 });
    });

    it("is repeated if the room has shown our membership and does not any more", async () => {
      const room = new MockRoom([stateContent]);
      const session = await open(room);
      join(session);
      await settle();
      room.show([stateContent, own]);
      await session._onRTCSessionMemberUpdate();
      await settle();
      expect(client.sendStateEvent).toHaveBeenCalledTimes(1);
      room.show([stateContent]);
      await session._onRTCSessionMemberUpdate();
      await settle();
      expect(client.sendStateEvent).toHaveBeenCalledTimes(2);
    });
  });

  describe("with a client of the SDK that has no server", () => {
    it("writes its membership as soon as the delayed leave has failed", async () => {
      const real = createClient({ baseUrl: "base_url" });
      real.getUserId = () => alice;
      real.getDeviceId = () => "PHONE";
      real.sendStateEvent = vi.fn(async () => ({ event_id: "$state" }));
      const room = new MockRoom([stateContent]);
      const session = names.MatrixRTCSession.sessionForSlot(real, room.asRoom, call);
      sessions.push(session);
      await session.initialMembershipCalculated;
      join(session);
      await until(() => expect(real.sendStateEvent).toHaveBeenCalledTimes(1));
    });
  });

  describe("a leave", () => {
    it("changes nothing before a join", async () => {
      const session = await open(new MockRoom());
      const onJoin = vi.fn();
      session.on(names.MatrixRTCSessionEvent.JoinStateChanged, onJoin);
      await session.leaveRoomSession();
      expect(onJoin).not.toHaveBeenCalled();
      expect(session.isJoined()).toBe(false);
    });

    it("is true, and sends the delayed leave", async () => {
      const session = await open(new MockRoom());
      const onJoin = vi.fn();
      join(session);
      await settle();
      session.on(names.MatrixRTCSessionEvent.JoinStateChanged, onJoin);
      const left = session.leaveRoomSession();
      expect(session.isJoined()).toBe(false);
      expect(onJoin.mock.calls).toEqual([[false]]);
      await expect(left).resolves.toBe(true);
      expect(client._unstable_sendScheduledDelayedEvent).toHaveBeenCalledWith("id");
      expect(session.membershipStatus).toBe("Disconnected");
    });

    it("says first that we are not joined, and then what it does", async () => {
      const session = await open(new MockRoom());
      join(session);
      await settle();
      const seen: unknown[] = [];
      session.on(names.MatrixRTCSessionEvent.JoinStateChanged, (isJoined) => seen.push(isJoined));
      session.on(names.MembershipManagerEvent.StatusChanged, (_, status) => seen.push(status));
      session.on(names.MembershipManagerEvent.DelayIdChanged, (delayId) => seen.push(delayId));
      await session.leaveRoomSession();
      expect(seen).toEqual([false, "Disconnecting", undefined, "Disconnected"]);
    });

    it("lets us join again in the same turn", async () => {
      const session = await open(new MockRoom());
      join(session);
      await settle();
      const seen: unknown[] = [];
      const onError = vi.fn();
      session.on(names.MatrixRTCSessionEvent.MembershipManagerError, onError);
      session.on(names.MatrixRTCSessionEvent.JoinStateChanged, (isJoined) => seen.push(isJoined));
      const left = session.leaveRoomSession();
      join(session);
      expect([seen, session.isJoined()]).toEqual([[false, true], true]);
      await expect(left).resolves.toBe(true);
      await settle();
      expect([session.isJoined(), session.membershipStatus, session.delayId]).toEqual([true, "Connected", "id"]);
      expect(onError).not.toHaveBeenCalled();
    });

    it("is true before the membership was written", async () => {
      const session = await open(new MockRoom());
      join(session);
      await expect(session.leaveRoomSession()).resolves.toBe(true);
    });

    it("is false if it takes longer than its timeout", async () => {
      const session = await open(new MockRoom());
      join(session);
      await settle();
      const { promise, resolve } = Promise.withResolvers<unknown>();
      client._unstable_sendScheduledDelayedEvent.mockReturnValue(promise);
      await expect(session.leaveRoomSession(20)).resolves.toBe(false);
      resolve({});
      await settle();
    });

    it("lets us join again", async () => {
      const session = await open(new MockRoom());
      join(session);
      await settle();
      await session.leaveRoomSession();
      join(session);
      await settle();
      expect(client.sendStateEvent).toHaveBeenCalledTimes(2);
      expect(session.isJoined()).toBe(true);
    });
  });

  describe("a notification", () => {
    const expected = (eventId: unknown) => ({
      slot_id: "m.call#ROOM",
      "m.mentions": { user_ids: [], room: true },
      notification_type: "ring",
      "m.relates_to": { event_id: eventId, rel_type: "m.reference" },
      sender_ts: expect.any(Number),
      lifetime: 90_000,
      msc4354_sticky_key: "m.call#ROOM",
    });

    it("is sent as a sticky event when we start a call", async () => {
      client._unstable_sendStickyEvent.mockResolvedValue({ event_id: "$notification" });
      const room = new MockRoom();
      const session = await open(room);
      const onSent = vi.fn();
      session.on(names.MatrixRTCSessionEvent.DidSendCallNotification, onSent);
      join(session, { notificationType: "ring" });
      await settle();
      room.show([own]);
      await session._onRTCSessionMemberUpdate();
      await settle();
      const content = expected(session.memberships[0]!.eventId);
      expect(client._unstable_sendStickyEvent.mock.calls).toEqual([
        ["!room:example.org", 110_000, null, "org.matrix.msc4075.rtc.notification", content],
      ]);
      expect(onSent.mock.calls).toEqual([[{ ...content, event_id: "$notification" }]]);
    });

    it("is a usual event if the server has no sticky ones, and has our intent and lifetime", async () => {
      client._unstable_sendStickyEvent.mockRejectedValue(
        new UnsupportedStickyEventsEndpointError("none", "sendStickyEvent"),
      );
      const room = new MockRoom();
      const session = await open(room);
      join(session, { notificationType: "ring", callIntent: "audio", notificationLifetimeMs: 30_000 });
      await settle();
      room.show([{ ...own, "m.call.intent": "audio" }]);
      await session._onRTCSessionMemberUpdate();
      await settle();
      const content = expected(session.memberships[0]!.eventId);
      expect(client.sendEvent.mock.calls).toEqual([
        [
          "!room:example.org",
          "org.matrix.msc4075.rtc.notification",
          { ...content, "m.call.intent": "audio", lifetime: 30_000 },
        ],
      ]);
    });

    it("is not sent to a call that runs, or that somebody else starts first", async () => {
      const running = new MockRoom([stateContent]);
      const first = await open(running);
      join(first, { notificationType: "ring" });
      const raced = new MockRoom([], "!raced:example.org");
      const second = await open(raced);
      join(second, { notificationType: "ring" });
      await settle();
      raced.show([stateContent]);
      await second._onRTCSessionMemberUpdate();
      for (const [room, session] of [
        [running, first],
        [raced, second],
      ] as const) {
        room.show([stateContent, own]);
        await session._onRTCSessionMemberUpdate();
      }
      await settle();
      expect(client.sendStateEvent).toHaveBeenCalled();
      expect(client.sendEvent).not.toHaveBeenCalled();
      expect(client._unstable_sendStickyEvent).not.toHaveBeenCalled();
    });
  });

  describe("media keys", () => {
    const keyMessage = (index: number, key: string, more: object = {}) => ({
      keys: { index, key },
      room_id: "!room:example.org",
      member: { id: `${bob}:BOBPHONE`, claimed_device_id: "BOBPHONE" },
      session: { call_id: "", application: "m.call", scope: "m.room" },
      sent_ts: Date.now() - 1_000,
      ...more,
    });
    const receive = (content: object): void =>
      void client.emit("toDeviceEvent", mockEvent("io.element.call.encryption_keys", { user_id: bob, ...content }));
    const base64 = (bytes: number[]) => btoa(String.fromCharCode(...bytes));
    const bytes = Array.from({ length: 16 }, (_, index) => index);

    it("are made at a join: ours has the index 0", async () => {
      const session = await open(new MockRoom([stateContent]));
      join(session, { manageMediaKeys: true });
      const onKey = vi.fn();
      session.on(names.MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
      await session._onRTCSessionMemberUpdate();
      await settle();
      expect(onKey.mock.calls).toEqual([[expect.any(Uint8Array), 0, ownIds, `${alice}:PHONE`]]);
      session.reemitEncryptionKeys();
      expect(onKey).toHaveBeenCalledTimes(2);
      expect(onKey.mock.calls[1]).toEqual(onKey.mock.calls[0]);
    });

    it("are not made if the config says so", async () => {
      const session = await open(new MockRoom([stateContent]));
      const onKey = vi.fn();
      session.on(names.MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
      join(session, { manageMediaKeys: false });
      await session._onRTCSessionMemberUpdate();
      await settle();
      expect(onKey).not.toHaveBeenCalled();
      expect(client.encryptAndSendToDevice).not.toHaveBeenCalled();
    });

    it("are sent to the devices of the other members, and counted", async () => {
      const bobs = { ...stateContent, created_ts: Date.now() - 1_000 };
      const room = new MockRoom([bobs]);
      const session = await open(room);
      join(session);
      await settle();
      room.show([bobs, own]);
      await session._onRTCSessionMemberUpdate();
      await until(() => expect(client.encryptAndSendToDevice).toHaveBeenCalledTimes(1));
      expect(client.encryptAndSendToDevice.mock.calls[0]).toMatchObject([
        "io.element.call.encryption_keys",
        [{ userId: bob, deviceId: "BOBPHONE" }],
        {
          keys: { index: 0, key: expect.any(String) },
          member: { claimed_device_id: "PHONE", id: `${alice}:PHONE` },
          room_id: "!room:example.org",
          session: { application: "m.call", call_id: "", scope: "m.room" },
          sent_ts: expect.any(Number),
        },
      ]);
      expect(session.statistics.counters.roomEventEncryptionKeysSent).toBe(1);
    });

    it("are sent although the room of a test never shows our membership", async () => {
      const session = await open(new MockRoom([stateContent]));
      join(session);
      await settle();
      await session._onRTCSessionMemberUpdate();
      await until(() => expect(client.encryptAndSendToDevice).toHaveBeenCalled());
    });

    it("change when a member leaves", async () => {
      const room = new MockRoom([stateContent, own]);
      const session = await open(room);
      const onKey = vi.fn();
      session.on(names.MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
      join(session, { useKeyDelay: 10 });
      await settle();
      await session._onRTCSessionMemberUpdate();
      await until(() => expect(client.encryptAndSendToDevice).toHaveBeenCalledTimes(1));
      room.show([{ ...stateContent, device_id: "OTHER" }, own]);
      await session._onRTCSessionMemberUpdate();
      await until(() => expect(onKey.mock.calls.map(([, index]) => index)).toEqual([0, 1]));
      expect(client.encryptAndSendToDevice.mock.lastCall![1]).toEqual([{ userId: bob, deviceId: "OTHER" }]);
    });

    it("of another member are emitted with its ids and its identity, and counted", async () => {
      const session = await open(new MockRoom([stateContent, own]));
      const onKey = vi.fn();
      join(session);
      await settle();
      session.on(names.MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
      receive(keyMessage(3, base64(bytes)));
      await settle();
      expect(onKey).toHaveBeenCalledWith(
        new Uint8Array(bytes),
        3,
        { userId: bob, deviceId: "BOBPHONE", memberId: `${bob}:BOBPHONE` },
        `${bob}:BOBPHONE`,
      );
      const { counters, totals } = session.statistics;
      expect(counters.roomEventEncryptionKeysReceived).toBe(1);
      expect(totals.roomEventEncryptionKeysReceivedTotalAge).toBeGreaterThanOrEqual(1_000);
    });

    it("of another room, or without a device, are not taken", async () => {
      const session = await open(new MockRoom([stateContent, own]));
      const onKey = vi.fn();
      join(session);
      await settle();
      session.on(names.MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
      receive(keyMessage(0, base64(bytes), { room_id: "!other:example.org" }));
      receive(keyMessage(0, base64(bytes), { member: {} }));
      receive(keyMessage(0, base64(bytes), { keys: {} }));
      await settle();
      expect(onKey.mock.calls.filter(([, , member]) => member.userId === bob)).toEqual([]);
      expect(session.statistics.counters.roomEventEncryptionKeysReceived).toBe(0);
    });

    it("wait for their member", async () => {
      const room = new MockRoom([own]);
      const session = await open(room);
      const onKey = vi.fn();
      join(session);
      await settle();
      session.on(names.MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
      receive(keyMessage(0, base64(bytes)));
      await settle();
      expect(onKey.mock.calls.filter(([, , member]) => member.userId === bob)).toEqual([]);
      room.show([own, stateContent]);
      await session._onRTCSessionMemberUpdate();
      await settle();
      expect(onKey.mock.calls.filter(([, , member]) => member.userId === bob)).toHaveLength(1);
    });

    it("stay in a call with as many members as the limit, which is announced", async () => {
      const room = new MockRoom([own]);
      const session = await open(room);
      const onSuppressed = vi.fn();
      session.on(names.MatrixRTCSessionEvent.KeyRotationSuppressedChanged, onSuppressed);
      join(session, { keyRotationParticipantLimit: 2 });
      await settle();
      expect(session.isKeyRotationSuppressed).toBe(false);
      room.show([own, stateContent]);
      await session._onRTCSessionMemberUpdate();
      expect(session.isKeyRotationSuppressed).toBe(true);
      room.show([own]);
      await session._onRTCSessionMemberUpdate();
      expect(onSuppressed.mock.calls).toEqual([[true], [false]]);
    });
  });

  describe("the slot", () => {
    const open2 = { status: "open", application: { type: "m.call" } };

    it("is unknown without an event", async () => {
      const session = await open(new MockRoom());
      expect(session.getRtcSlot()).toBeUndefined();
      expect(session.isSlotOpen()).toBeUndefined();
      expect(session.isSlotClosed()).toBeUndefined();
      await session.ensureRtcSlotClosed();
      expect(client.sendStateEvent).not.toHaveBeenCalled();
    });

    it.each([
      ["open", open2, true],
      ["of another application", { status: "open", application: { type: "m.other" } }, false],
      ["without an application", { status: "open" }, false],
      ["closed", { status: "closed" }, false],
    ])("that is %s", async (_, content, isOpen) => {
      const room = new MockRoom();
      room.setSlot("m.call#ROOM", content);
      const session = await open(room);
      expect(session.getRtcSlot()).toEqual(content);
      expect(session.isSlotOpen()).toBe(isOpen);
      expect(session.isSlotClosed()).toBe(!isOpen);
    });

    it("is opened, with its encryption, if it is not open in this way", async () => {
      const room = new MockRoom();
      const session = await open(room);
      const encryption = { type: names.RTC_SLOT_ENCRYPTION_PER_MEMBER } as const;
      await session.ensureRtcSlotOpen({ encryption });
      expect(client.sendStateEvent.mock.calls).toEqual([
        ["!room:example.org", slotType, { ...open2, encryption }, "m.call#ROOM"],
      ]);
      room.setSlot("m.call#ROOM", { ...open2, encryption });
      await session.ensureRtcSlotOpen({ encryption });
      expect(client.sendStateEvent).toHaveBeenCalledTimes(1);
    });

    it("is closed, and keeps its other fields", async () => {
      const room = new MockRoom();
      room.setSlot("m.call#ROOM", { ...open2, more: 1 });
      const session = await open(room);
      await session.ensureRtcSlotClosed();
      expect(client.sendStateEvent.mock.calls).toEqual([
        ["!room:example.org", slotType, { ...open2, more: 1, status: "closed" }, "m.call#ROOM"],
      ]);
    });
  });
});
