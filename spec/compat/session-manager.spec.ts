// The manager of sessions of the original and ours, by the same expectations.
import type { Room } from "matrix-js-sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MatrixRTCSessionManager, SlotDescription } from "matrixrtc-rx/compat";
import {
  alice,
  bob,
  focus,
  MockClient,
  mockEvent,
  MockRoom,
  settle,
  stateContent,
  stateType,
  stickyContent,
  stickyType,
} from "./mocks.ts";
import { quiet, type Side, sides } from "./sides.ts";

const kinds = ["state", "sticky"] as const;
const cases = sides.flatMap(({ name, names }) => kinds.map((kind) => ({ name, names, kind })));

describe.each(cases)("MatrixRTCSessionManager of $name, $kind", ({ names, kind }: Side & { kind: string }) => {
  let client: MockClient;
  let manager: MatrixRTCSessionManager;

  beforeEach(() => {
    client = new MockClient();
    manager = new names.MatrixRTCSessionManager(quiet as never, client as never);
    manager.start();
  });
  afterEach(() => manager.stop());

  const contentOf = (application = "m.call", id?: string) =>
    kind === "state"
      ? { ...stateContent, application, call_id: id ?? "" }
      : { ...stickyContent, application: { type: application }, slot_id: `${application}#${id ?? "ROOM"}` };
  const roomWith = (...contents: object[]): MockRoom => new MockRoom(contents, `!${Math.random()}:example.org`);
  const appears = (room: MockRoom): void => {
    client.getRooms.mockReturnValue([room.asRoom]);
    client.getRoom.mockReturnValue(room.asRoom);
    client.emit("Room", room as unknown as Room);
  };
  const leaves = (room: MockRoom): void => {
    client.getRoom.mockReturnValue(room.asRoom);
    room.show([]);
    if (kind === "state") client.emit("RoomState.events", mockEvent(stateType, { user_id: bob }));
    else client.emit("event", mockEvent(stickyType, { user_id: bob, slot_id: "m.call#ROOM" }));
  };
  const listen = (to = manager) => {
    const onStarted = vi.fn();
    const onEnded = vi.fn();
    to.on(names.MatrixRTCSessionManagerEvents.SessionStarted, onStarted);
    to.on(names.MatrixRTCSessionManagerEvents.SessionEnded, onEnded);
    return { onStarted, onEnded };
  };
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5_000, interval: 5 });

  it("says when a call starts and when it ends, with its session", async () => {
    const { onStarted, onEnded } = listen();
    const room = roomWith(contentOf());
    appears(room);
    await until(() => expect(onStarted).toHaveBeenCalledTimes(1));
    const session = manager.getActiveRoomSession(room.asRoom);
    expect(session!.memberships).toHaveLength(1);
    expect(onStarted.mock.calls).toEqual([[room.roomId, session]]);
    expect(onEnded).not.toHaveBeenCalled();
    leaves(room);
    await until(() => expect(onEnded).toHaveBeenCalledTimes(1));
    expect(onEnded.mock.calls).toEqual([[room.roomId, manager.getActiveRoomSession(room.asRoom)]]);
  });

  it("says nothing of calls of other applications", async () => {
    const { onStarted, onEnded } = listen();
    const room = roomWith(contentOf("m.other", "other"));
    appears(room);
    await settle();
    leaves(room);
    await settle();
    expect(onStarted).not.toHaveBeenCalled();
    expect(onEnded).not.toHaveBeenCalled();
  });

  it("follows another slot, if it is made for that", async () => {
    const slot: SlotDescription = { application: "m.board", id: "test" };
    const ofBoard = new names.MatrixRTCSessionManager(quiet as never, client as never, slot);
    ofBoard.start();
    const { onStarted, onEnded } = listen(ofBoard);
    appears(roomWith(contentOf("m.other", "other")));
    await settle();
    expect(onStarted).not.toHaveBeenCalled();
    const room = roomWith(contentOf("m.board", "test"));
    appears(room);
    await until(() => expect(onStarted).toHaveBeenCalledTimes(1));
    leaves(room);
    await until(() => expect(onEnded).toHaveBeenCalledTimes(1));
    ofBoard.stop();
  });

  it("has one session for a room, also before its call", async () => {
    const { onStarted } = listen();
    const room = roomWith();
    const session = manager.getRoomSession(room.asRoom);
    expect(session.memberships).toEqual([]);
    expect(manager.getRoomSession(room.asRoom)).toBe(session);
    room.show([contentOf()]);
    client.getRoom.mockReturnValue(room.asRoom);
    if (kind === "state") client.emit("RoomState.events", room.memberEvents[0]!);
    else client.emit("event", room.memberEvents[0]!);
    await until(() => expect(onStarted.mock.calls).toEqual([[room.roomId, session]]));
  });

  it("knows the slot of a room", () => {
    const room = roomWith();
    expect(manager.getRtcSlot(room.asRoom)).toBeUndefined();
    room.setSlot("m.call#ROOM", { status: "closed" });
    expect(manager.getRtcSlot(room.asRoom)).toEqual({ status: "closed" });
    expect(manager.isSlotClosed(room.asRoom)).toBe(true);
  });

  it("does not mind a client without rooms, or an event of a room that is unknown", async () => {
    client.getRooms.mockReturnValue(undefined as never);
    const other = new names.MatrixRTCSessionManager(quiet as never, client as never);
    other.start();
    client.getRoom.mockReturnValue(null);
    client.emit("RoomState.events", mockEvent(stateType, stateContent));
    client.emit("event", mockEvent(stickyType, stickyContent));
    await settle();
    other.stop();
    expect(other.getActiveRoomSession(roomWith().asRoom)).toBeUndefined();
  });

  it("forgets everything at its stop", async () => {
    const room = roomWith(contentOf());
    const { onStarted } = listen();
    appears(room);
    await until(() => expect(onStarted).toHaveBeenCalled());
    manager.stop();
    expect(manager.getActiveRoomSession(room.asRoom)).toBeUndefined();
    await settle();
    expect(client.eventNames()).toEqual([]);
    expect(room.eventNames()).toEqual([]);
  });
});

describe.each(sides)("A call that we start, with the manager of $name,", ({ names }) => {
  it("has started once our membership is known, so that a listener can change it", async () => {
    const client = new MockClient();
    const room = new MockRoom();
    client.getRooms.mockReturnValue([room.asRoom]);
    client.getRoom.mockReturnValue(room.asRoom);
    const manager = new names.MatrixRTCSessionManager(quiet as never, client as never);
    const seen: string[] = [];
    const session = manager.getRoomSession(room.asRoom);
    session.on(names.MatrixRTCSessionEvent.MembershipsChanged, () => seen.push("changed"));
    manager.on(names.MatrixRTCSessionManagerEvents.SessionStarted, () => {
      seen.push("started");
      void session.updateCallIntent("video").then(
        () => seen.push("updated"),
        (error: unknown) => seen.push(String(error)),
      );
    });
    manager.start();
    session.joinRoomSession([focus]);
    await settle();
    room.show([{ ...stateContent, user_id: alice, device_id: "PHONE" }]);
    client.emit("RoomState.events", room.memberEvents[0]!);
    await settle();
    expect(seen).toEqual(["changed", "started", "updated"]);
    manager.stop();
  });
});

describe("MatrixRTCSessionManager of the facade", () => {
  const facade = sides[1]!.names;
  const start = (...rooms: MockRoom[]) => {
    const client = new MockClient();
    client.getRooms.mockReturnValue(rooms.map((room) => room.asRoom));
    const manager = new facade.MatrixRTCSessionManager(undefined, client as never);
    const onStarted = vi.fn();
    const onEnded = vi.fn();
    manager.on("session_started", onStarted);
    manager.on("session_ended", onEnded);
    manager.start();
    return { client, manager, onStarted, onEnded };
  };

  it("knows the calls that run already when it starts, and says so in the next turn", async () => {
    const active = new MockRoom([stateContent], "!active:example.org");
    const { manager, onStarted } = start(active, new MockRoom([], "!quiet:example.org"));
    const session = manager.getActiveRoomSession(active.asRoom)!;
    expect(session.memberships).toHaveLength(1);
    expect(onStarted).not.toHaveBeenCalled();
    await Promise.resolve();
    await Promise.resolve();
    expect(onStarted.mock.calls).toEqual([["!active:example.org", session]]);
    manager.stop();
  });

  it("has five listeners for any number of calls, and none after its stop", () => {
    const rooms = Array.from({ length: 20 }, (_, n) => new MockRoom([stateContent], `!${n}:example.org`));
    const { client, manager } = start(...rooms);
    const listeners = () => client.eventNames().reduce((sum, name) => sum + client.listenerCount(name), 0);
    expect(listeners()).toBe(5);
    expect(rooms.flatMap((room) => room.eventNames())).toEqual([]);
    manager.stop();
    expect(listeners()).toBe(0);
  });

  it("finds an encrypted sticky member, which its room shows only after the client has announced its decryption", async () => {
    const room = new MockRoom();
    const { client, manager, onStarted } = start(room);
    client.getRoom.mockReturnValue(room.asRoom);
    client.emit("Event.decrypted", mockEvent(stickyType, stickyContent));
    room.show([stickyContent]);
    await settle();
    expect(onStarted).toHaveBeenCalledTimes(1);
    manager.stop();
    client.emit("Event.decrypted", mockEvent(stickyType, stickyContent));
    await settle();
    expect(onStarted).toHaveBeenCalledTimes(1);
  });

  it("says that a call has ended when the client forgets its last sticky member", async () => {
    vi.useFakeTimers();
    const room = new MockRoom([stickyContent]);
    const { manager, onEnded } = start(room);
    await vi.advanceTimersByTimeAsync(3_599_000);
    room.show([]);
    expect(onEnded).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(onEnded).toHaveBeenCalledTimes(1);
    manager.stop();
    vi.useRealTimers();
  });

  it("says that a call has ended when its last member expires", async () => {
    vi.useFakeTimers();
    const { manager, onEnded } = start(new MockRoom([{ ...stateContent, expires: 5_000 }]));
    await vi.advanceTimersByTimeAsync(4_990);
    expect(onEnded).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(onEnded).toHaveBeenCalledTimes(1);
    manager.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
