// The facade alone: what it has beyond the original, in the time of the spec.
import { EventEmitter } from "node:events";
import { createClient, MatrixEvent, Room, RoomStateEvent } from "matrix-js-sdk";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lastValueFrom, take, toArray } from "rxjs";
import {
  type JoinSessionConfig,
  MatrixRTCSession,
  MatrixRTCSessionEvent,
  MatrixRTCSessionManager,
  MembershipManager,
} from "matrixrtc-rx/compat";
import { alice, bob, focus, MockClient, mockEvent, MockRoom, settle, stateContent, stateType } from "./mocks.ts";

const own = { ...stateContent, user_id: alice, device_id: "PHONE" };
const sessions: MatrixRTCSession[] = [];
const open = (room: MockRoom, client = new MockClient()): MatrixRTCSession => {
  const session = MatrixRTCSession.roomSessionForRoom(client as never, room.asRoom);
  sessions.push(session);
  return session;
};

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(sessions.splice(0).map((session) => session.stop()));
});

describe("The members of a session", () => {
  it("are known as soon as it is made, and with every event", () => {
    const room = new MockRoom([stateContent]);
    const session = open(room);
    expect(session.memberships.map(({ userId }) => userId)).toEqual([bob]);
    room.show([stateContent, own]);
    room.emit("RoomState.events", mockEvent(stateType, own));
    expect(session.memberships.map(({ userId }) => userId)).toEqual([bob, alice]);
    expect(session.memberships[0]!.getPreferredFoci()).toEqual(stateContent.foci_preferred);
    expect(session.memberships[0]!.getFocusActive()).toEqual(stateContent.focus_active);
    expect(session.memberships[0]!.callId).toBe("");
    expect(session.memberships[0]!.kind).toBe("session");
  });

  it("can be read without a session", () => {
    const room = new MockRoom([stateContent]);
    expect(MatrixRTCSession.callMembershipsForRoom(room.asRoom)).toHaveLength(1);
    expect(MatrixRTCSession.sessionMembershipsForRoom(room.asRoom)).toHaveLength(1);
  });

  it("stay the same objects while their events do", () => {
    const room = new MockRoom([stateContent]);
    const session = open(room);
    const [before] = session.memberships;
    session.onMembershipsUpdate();
    session.onRTCSessionMemberUpdate();
    expect(session.memberships[0]).toBe(before);
  });

  it("are those of rooms of tests with few methods", () => {
    const full = new MockRoom([stateContent]);
    const room = {
      roomId: "!room:example.org",
      hasMembershipState: () => true,
      getLiveTimeline: () => ({ getState: () => ({ getStateEvents: () => full.memberEvents }) }),
    };
    const session = MatrixRTCSession.roomSessionForRoom({} as never, room as never);
    expect(session.memberships).toHaveLength(1);
    session.getOldestMembership();
    expect(session.resolveActiveFocus()).toEqual(stateContent.foci_preferred[0]);
    expect(session.getActiveFocus()).toEqual(stateContent.foci_preferred[0]);
  });
});

describe("A join that cannot begin", () => {
  it("says that it has joined, and then why it has not", async () => {
    const session = open(new MockRoom());
    const seen: unknown[] = [];
    session.on(MatrixRTCSessionEvent.JoinStateChanged, (isJoined) => seen.push(isJoined));
    session.on(MatrixRTCSessionEvent.MembershipManagerError, (error) => seen.push(error instanceof Error));
    session.on("StatusChanged", (_, status) => seen.push(status));
    session.rtc.join().subscribe();
    session.joinRoomSession([focus]);
    expect([seen, session.isJoined()]).toEqual([[true], true]);
    await settle();
    expect([seen, session.isJoined()]).toEqual([[true, true, false], false]);
  });
});

describe("A join that follows a leave in the same turn", () => {
  it("does not take the delayed leave of the earlier join for its own", async () => {
    const client = new MockClient();
    const ids = ["first", "second"];
    client._unstable_sendDelayedStateEvent.mockImplementation(async () => ({ delay_id: ids.shift() }));
    const session = open(new MockRoom(), client);
    const seen: unknown[] = [];
    session.joinRoomSession([focus]);
    void session.leaveRoomSession();
    session.joinRoomSession([focus]);
    session.on("DelayIdChanged", () => seen.push(session.delayId));
    await settle();
    expect([seen.includes("first"), session.delayId]).toEqual([false, "second"]);
  });
});

describe("The stream beneath a session", () => {
  it("shows its members, its keys and its statuses", async () => {
    const room = new MockRoom([stateContent]);
    const session = open(room);
    const seen$ = lastValueFrom(session.rtc.membership$.pipe(take(2), toArray()));
    room.show([stateContent, own]);
    session.onMembershipsUpdate();
    expect((await seen$).map((members) => members.length)).toEqual([1, 2]);
    session.joinRoomSession([focus]);
    await settle();
    expect(session.rtc.keys$.value.map(({ own: isOwn }) => isOwn)).toEqual([true]);
    expect(session.rtc.encryptionStatus$.value.size).toBe(2);
  });
});

describe("Timeline events with keys", () => {
  const keys = [{ index: 4, key: btoa(String.fromCharCode(...Array.from({ length: 16 }, () => 7))) }];
  const keyEvent = () =>
    mockEvent("io.element.call.encryption_keys", { user_id: bob, device_id: "BOBPHONE", call_id: "", keys });

  it("are taken, emitted, counted and kept", async () => {
    const session = open(new MockRoom([stateContent, own]));
    const onKey = vi.fn();
    session.joinRoomSession([focus]);
    await settle();
    session.on(MatrixRTCSessionEvent.EncryptionKeyChanged, onKey);
    session.onCallEncryption(keyEvent());
    const key = new Uint8Array(16).fill(7);
    expect(onKey.mock.calls).toEqual([
      [key, 4, { userId: bob, deviceId: "BOBPHONE", memberId: `${bob}:BOBPHONE` }, `${bob}:BOBPHONE`],
    ]);
    expect(session.statistics.counters.roomEventEncryptionKeysReceived).toBe(1);
    expect(session.getKeysForParticipant(bob, "BOBPHONE")![4]).toEqual(key);
    expect(session.getKeysForParticipant(bob, "OTHER")).toBeUndefined();
    expect([...session.getEncryptionKeys()].map(([id]) => id)).toEqual([`${alice}:PHONE`, `${bob}:BOBPHONE`]);
    await session.leaveRoomSession();
    expect(session.getKeysForParticipant(bob, "BOBPHONE")).toBeUndefined();
  });

  it("that come before the join count from the join on, and other events do not", async () => {
    const session = open(new MockRoom([stateContent, own]));
    session.onCallEncryption(keyEvent());
    session.onCallEncryption(mockEvent("m.room.message", { user_id: bob }));
    session.joinRoomSession([focus]);
    await settle();
    expect(session.getKeysForParticipant(bob, "BOBPHONE")![4]).toBeDefined();
  });
});

describe("The config of a join", () => {
  const sentBy = async (config: JoinSessionConfig, active?: Parameters<MembershipManager["join"]>[1]) => {
    vi.useFakeTimers();
    const client = new MockClient();
    const manager = new MembershipManager(config, new MockRoom().asRoom, client as never);
    manager.join([focus], active);
    await vi.advanceTimersByTimeAsync(1);
    return { client, manager };
  };

  it("is taken with the names of 2024", async () => {
    const { client } = await sentBy({
      membershipServerSideExpiryTimeout: 20_000,
      membershipKeepAlivePeriod: 7_000,
      membershipExpiryTimeout: 60_000,
      membershipExpiryTimeoutHeadroom: 1_000,
      callMemberEventRetryDelayMinimum: 500,
    });
    expect(client._unstable_sendDelayedStateEvent.mock.calls[0]![1]).toEqual({ delay: 20_000 });
    expect(client.sendStateEvent.mock.calls[0]![2]).toMatchObject({ expires: 60_000 });
    const restarts = () => client._unstable_restartScheduledDelayedEvent.mock.calls.length;
    expect(restarts()).toBe(1);
    await vi.advanceTimersByTimeAsync(6_990);
    expect(restarts()).toBe(1);
    await vi.advanceTimersByTimeAsync(20);
    expect(restarts()).toBe(2);
    await vi.advanceTimersByTimeAsync(52_100);
    expect(client.sendStateEvent).toHaveBeenCalledTimes(2);
  });

  it.each([
    ["oldest_membership", "oldest_membership"],
    ["multi_sfu", "multi_sfu"],
    ["unknown", "oldest_membership"],
  ])("is taken with the selection %s in the place of a transport", async (focus_selection, expected) => {
    const { client } = await sentBy({}, { type: "livekit", focus_selection });
    expect(client.sendStateEvent.mock.calls[0]![2]).toMatchObject({
      foci_preferred: [focus],
      focus_active: { type: "livekit", focus_selection: expected },
    });
  });

  it("is corrected where it makes no sense", async () => {
    const { client, manager } = await sentBy({
      delayedLeaveEventDelayMs: 100,
      delayedLeaveEventRestartMs: 5_000,
      membershipEventExpiryMs: 1,
      membershipEventExpiryHeadroomMs: 1_000_000,
      keyRotationParticipantLimit: 0,
      useKeyDelay: -1,
    });
    expect(client._unstable_sendDelayedStateEvent.mock.calls[0]![1]).toEqual({ delay: 2_000 });
    expect(manager.status).toBe("Connected");
  });

  it("collects leaves for `makeKeyDelay`", async () => {
    vi.useFakeTimers();
    const client = new MockClient();
    const room = new MockRoom([stateContent, own]);
    const session = open(room, client);
    const onKey = vi.fn();
    session.on("encryption_key_changed", onKey);
    session.joinRoomSession([focus], undefined, { makeKeyDelay: 3_000, useKeyDelay: 1_000 });
    await vi.advanceTimersByTimeAsync(100);
    room.show([own]);
    session.onMembershipsUpdate();
    await vi.advanceTimersByTimeAsync(2_900);
    expect(onKey.mock.calls.map(([, index]) => index)).toEqual([0]);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(onKey.mock.calls.map(([, index]) => index)).toEqual([0, 1]);
  });
});

describe("A lifetime", () => {
  it("is different if the room shows a membership of this device, because a server drops an equal event", async () => {
    vi.useFakeTimers({ now: 1_000_017 });
    const client = new MockClient();
    const room = new MockRoom([{ ...own, created_ts: 1_000_000 }]);
    vi.mocked(room.memberEvents[0]!.getStateKey).mockReturnValue(`_${alice}_PHONE_m.call`);
    const session = open(room, client);
    session.joinRoomSession([focus]);
    await vi.advanceTimersByTimeAsync(1);
    expect(client.sendStateEvent.mock.calls.map(([, , content]) => content)).toMatchObject([
      { expires: 14_400_000 + (1_000_017 % 60_000) },
    ]);
  });
});

describe("An older client", () => {
  it("updates delayed events with the action in the body", async () => {
    vi.useFakeTimers();
    const client = new MockClient();
    Object.assign(client, {
      _unstable_restartScheduledDelayedEvent: undefined,
      _unstable_sendScheduledDelayedEvent: undefined,
    });
    const manager = new MembershipManager({}, new MockRoom().asRoom, client as never);
    manager.join([focus]);
    await vi.advanceTimersByTimeAsync(1);
    await manager.leave();
    expect(client._unstable_updateDelayedEvent.mock.calls).toEqual([
      ["id", "restart"],
      ["id", "send"],
    ]);
  });
});

describe("A real client and its rooms", () => {
  const realRoom = () => {
    const client = createClient({ baseUrl: "https://matrix.invalid", userId: alice, deviceId: "PHONE" });
    const room = new Room("!room:example.org", client, alice);
    client.store.storeRoom(room);
    vi.spyOn(client, "sendStateEvent").mockResolvedValue({ event_id: "$state" });
    vi.spyOn(client, "_unstable_sendDelayedStateEvent").mockResolvedValue({ delay_id: "id" });
    vi.spyOn(client, "_unstable_restartScheduledDelayedEvent").mockResolvedValue({});
    vi.spyOn(client, "_unstable_sendScheduledDelayedEvent").mockResolvedValue({});
    const state = (type: string, state_key: string, sender: string, content: object) =>
      new MatrixEvent({
        type,
        state_key,
        sender,
        content: content as never,
        room_id: room.roomId,
        event_id: `$${type}${state_key}${Math.random()}`,
        origin_server_ts: Date.now(),
      });
    for (const userId of [alice, bob])
      room.currentState.setStateEvents([state("m.room.member", userId, userId, { membership: "join" })]);
    const show = (userId: string, deviceId: string) => {
      const { user_id: _, ...content } = { ...stateContent, device_id: deviceId };
      const event = state(stateType, `_${userId}_${deviceId}_m.call`, userId, content);
      room.currentState.setStateEvents([event]);
      client.emit(RoomStateEvent.Events, event, room.currentState, null);
    };
    return { client, room, show };
  };

  it("are used as they are: the writes go through the methods of the client, and members come from the room", async () => {
    const { client, room, show } = realRoom();
    show(bob, "BOBPHONE");
    const session = MatrixRTCSession.roomSessionForRoom(client, room);
    sessions.push(session);
    expect(session.memberships).toHaveLength(1);
    expect(session.rtc.membership$.value).toHaveLength(1);
    session.joinRoomSession([focus]);
    await settle();
    expect(client.sendStateEvent).toHaveBeenCalledTimes(1);
    expect(session.membershipStatus).toBe("Connected");
    show(alice, "PHONE");
    expect(session.memberships).toHaveLength(2);
    await expect(session.leaveRoomSession()).resolves.toBe(true);
  });

  it("say of a leave that we are out of the call, also before a join", async () => {
    const { room, client } = realRoom();
    const session = MatrixRTCSession.roomSessionForRoom(client as never, room as never);
    sessions.push(session);
    await expect(session.leaveRoomSession()).resolves.toBe(true);
  });

  it("are followed by a manager in the place of the original", async () => {
    const { client, room, show } = realRoom();
    const manager = new MatrixRTCSessionManager(undefined, client);
    manager.start();
    const onStarted = vi.fn();
    manager.on("session_started", onStarted);
    show(bob, "BOBPHONE");
    await settle();
    expect(onStarted.mock.calls).toEqual([[room.roomId, manager.getActiveRoomSession(room)]]);
    manager.stop();
  });
});

describe("An emitter", () => {
  it("waits for its listeners, whether or not they fail", async () => {
    const session = open(new MockRoom());
    const seen: boolean[] = [];
    await expect(session.emitPromised("join_state_changed", true)).resolves.toBe(false);
    session.on("join_state_changed", () => {
      throw new Error("a listener that fails");
    });
    session.on("join_state_changed", (isJoined) => void seen.push(isJoined));
    await expect(session.emitPromised("join_state_changed", true)).resolves.toBe(true);
    expect(seen).toEqual([true]);
  });

  it("has the methods of Node's, with the same results", () => {
    const run = (emitter: EventEmitter) => {
      const seen: unknown[] = [];
      const first = (value: unknown) => seen.push(["first", value]);
      const second = (value: unknown) => seen.push(["second", value]);
      emitter.addListener("a", first).once("a", second).prependListener("a", second).prependOnceListener("a", first);
      seen.push(emitter.emit("a", 1), emitter.listenerCount("a"), emitter.emit("a", 2), emitter.emit("b"));
      emitter.removeListener("a", first).off("a", first);
      seen.push(emitter.listenerCount("a"), emitter.eventNames(), emitter.listeners("a").length);
      seen.push(emitter.removeAllListeners("a").emit("a", 3), emitter.rawListeners("a"));
      return seen;
    };
    const session = open(new MockRoom());
    expect(run(session as never)).toEqual(run(new EventEmitter()));
  });
});
