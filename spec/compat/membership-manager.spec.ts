// The membership manager of the original and ours, by the same expectations, in the time of the spec.
import { ConnectionError, HTTPError, MatrixError } from "matrix-js-sdk";
import { UnsupportedDelayedEventsEndpointError } from "matrix-js-sdk/lib/errors.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CallMembership, JoinSessionConfig, MembershipManager, SlotDescription } from "matrixrtc-rx/compat";
import { alice, focus, MockClient, mockEvent, MockRoom, stateContent, stateType } from "./mocks.ts";
import { quiet, sides } from "./sides.ts";

const call: SlotDescription = { application: "m.call", id: "ROOM" };
const stateKey = `_${alice}_PHONE_m.call`;
const notFound = () => new MatrixError({ errcode: "M_NOT_FOUND" }, 404);
const rateLimited = (seconds: number) =>
  new MatrixError(
    { errcode: "M_LIMIT_EXCEEDED" },
    429,
    undefined,
    undefined,
    new Headers({ "Retry-After": `${seconds}` }),
  );

describe.each(sides)("MembershipManager of $name", ({ names }) => {
  let client: MockClient;
  let room: MockRoom;

  beforeEach(() => {
    vi.useFakeTimers();
    client = new MockClient();
    room = new MockRoom();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const managerOf = (config: JoinSessionConfig | undefined = {}): MembershipManager =>
    new names.MembershipManager(config, room.asRoom, client as never, call, quiet as never);
  const memberOf = (content: object): CallMembership => {
    const event = mockEvent(stateType, content);
    const identity = `${event.getSender()}:${event.getContent().device_id}`;
    return new names.CallMembership(event, names.CallMembership.membershipDataFromMatrixEvent(event), identity);
  };
  const other = () => memberOf(stateContent);
  const own = (more: object = {}) => memberOf({ ...stateContent, user_id: alice, device_id: "PHONE", ...more });
  const turns = (ms = 1) => vi.advanceTimersByTimeAsync(ms);
  const writes = () => client.sendStateEvent.mock.calls;
  const schedules = () => client._unstable_sendDelayedStateEvent.mock.calls;
  const restarts = () => client._unstable_restartScheduledDelayedEvent.mock.calls;

  describe("before a join", () => {
    it("is disconnected and not activated", () => {
      const manager = managerOf();
      expect(manager.isActivated()).toBe(false);
      expect(manager.isJoined()).toBe(false);
      expect(manager.status).toBe("Disconnected");
      expect(manager.probablyLeft).toBe(false);
      expect(manager.delayId).toBeUndefined();
    });

    it("leaves without a request", async () => {
      await expect(managerOf().leave()).resolves.toBe(true);
      expect(writes()).toEqual([]);
      expect(schedules()).toEqual([]);
    });

    it("does nothing about changes of the members", async () => {
      const manager = managerOf();
      await manager.onRTCSessionMemberUpdate([other()]);
      await turns(10_000);
      expect(writes()).toEqual([]);
      expect(schedules()).toEqual([]);
    });

    it("refuses a client without a user or a device", () => {
      client.getUserId.mockReturnValueOnce(null);
      expect(() => managerOf()).toThrow("Missing userId in client");
      client.getDeviceId.mockReturnValueOnce(null);
      expect(() => managerOf()).toThrow("Missing deviceId in client");
    });

    it("cannot change its intent or its application", async () => {
      await expect(managerOf().updateCallIntent("video")).rejects.toThrow();
      await expect(managerOf().updateApplicationData({})).rejects.toThrow();
    });
  });

  describe("join", () => {
    it("asks for the delayed leave within the call to join, and is activated and connecting then", () => {
      const manager = managerOf();
      manager.join([focus]);
      expect(schedules()).toEqual([[room.roomId, { delay: 8_000 }, stateType, {}, stateKey]]);
      expect(manager.isActivated()).toBe(true);
      expect(manager.status).toBe("Connecting");
    });

    it("writes the membership after that, and restarts the delayed leave once", async () => {
      const manager = managerOf(undefined);
      manager.join([focus]);
      await turns();
      expect(writes()).toEqual([
        [
          room.roomId,
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
          stateKey,
        ],
      ]);
      expect(restarts()).toEqual([["id"]]);
      expect(schedules()).toHaveLength(1);
      expect(manager.status).toBe("Connected");
      expect(manager.delayId).toBe("id");
    });

    it("names its own transport first, and selects it, with a transport of its own", async () => {
      const mine = { type: "livekit", livekit_service_url: "https://own.example.org" };
      managerOf({ callIntent: "audio", applicationData: { "org.example.page": 3 } }).join([focus], mine);
      await turns();
      expect(writes()[0]![2]).toMatchObject({
        foci_preferred: [mine, focus],
        focus_active: { type: "livekit", focus_selection: "multi_sfu" },
        "m.call.intent": "audio",
        "org.example.page": 3,
      });
    });

    it("uses the key of rooms in which users own their state keys", async () => {
      room.getVersion.mockReturnValue("org.matrix.msc3757.11");
      managerOf().join([focus]);
      await turns();
      expect(schedules()[0]![4]).toBe(`${alice}_PHONE_m.call`);
      expect(writes()[0]![3]).toBe(`${alice}_PHONE_m.call`);
    });

    it("does nothing if it has joined already", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      manager.join([focus]);
      await turns();
      expect(writes()).toHaveLength(1);
      expect(schedules()).toHaveLength(1);
    });

    it("uses the delay and the lifetime of its config", async () => {
      managerOf({ delayedLeaveEventDelayMs: 123_456, membershipEventExpiryMs: 1_234_567 }).join([focus]);
      await turns();
      expect(schedules()[0]![1]).toEqual({ delay: 123_456 });
      expect(writes()[0]![2]).toMatchObject({ expires: 1_234_567 });
    });

    it("schedules another delayed leave if the write has cancelled the first one", async () => {
      client._unstable_restartScheduledDelayedEvent.mockRejectedValueOnce(notFound());
      managerOf().join([focus]);
      await turns();
      expect(schedules()).toHaveLength(2);
      expect(writes()).toHaveLength(1);
    });

    it("takes the longest delay that the server allows", async () => {
      const tooLong = new MatrixError({
        errcode: "M_UNKNOWN",
        "org.matrix.msc4140.errcode": "M_MAX_DELAY_EXCEEDED",
        "org.matrix.msc4140.max_delay": 7_500,
      });
      client._unstable_sendDelayedStateEvent.mockRejectedValueOnce(tooLong);
      managerOf({ delayedLeaveEventDelayMs: 9_000 }).join([focus]);
      await turns();
      expect(schedules().map(([, delay]) => delay)).toEqual([{ delay: 9_000 }, { delay: 7_500 }]);
      expect(writes()).toHaveLength(1);
    });

    it("waits out rate limits, with and without a time", async () => {
      client._unstable_sendDelayedStateEvent.mockRejectedValueOnce(new HTTPError("rate limited", 429));
      client.sendStateEvent.mockRejectedValueOnce(rateLimited(1));
      managerOf().join([focus]);
      await turns(4_999);
      expect(schedules()).toHaveLength(1);
      await turns(1);
      expect(schedules()).toHaveLength(2);
      expect(writes()).toHaveLength(1);
      await turns(1_000);
      expect(writes()).toHaveLength(2);
      expect(restarts()).toHaveLength(1);
    });

    it("goes on without a delayed leave if the server has none", async () => {
      const onError = vi.fn();
      client._unstable_sendDelayedStateEvent.mockRejectedValue(
        new UnsupportedDelayedEventsEndpointError("none", "sendDelayedStateEvent"),
      );
      const manager = managerOf();
      manager.join([focus], undefined, onError);
      await turns();
      expect(writes()).toHaveLength(1);
      expect(restarts()).toEqual([]);
      expect(onError).not.toHaveBeenCalled();
      expect(manager.status).toBe("Connected");
    });

    it("goes on without a delayed leave if the server refuses it for an unknown reason", async () => {
      client._unstable_sendDelayedStateEvent.mockRejectedValueOnce(new HTTPError("unknown", 601));
      managerOf().join([focus]);
      await turns();
      expect(writes()).toHaveLength(1);
    });

    it("survives a client whose methods answer nothing", async () => {
      client.sendStateEvent.mockResolvedValue(undefined);
      client._unstable_restartScheduledDelayedEvent.mockReturnValue(undefined as never);
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      expect(manager.status).toBe("Connected");
      expect(writes()).toHaveLength(1);
    });
  });

  describe("while joined", () => {
    it("restarts the delayed leave at its interval", async () => {
      managerOf({ delayedLeaveEventRestartMs: 10_000, delayedLeaveEventDelayMs: 30_000 }).join([focus]);
      await turns();
      for (let count = 1; count <= 12; count += 1) {
        expect(restarts()).toHaveLength(count);
        await turns(10_000);
      }
      expect(schedules()).toHaveLength(1);
    });

    it("does nothing if its membership is shown", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      vi.clearAllMocks();
      await manager.onRTCSessionMemberUpdate([other(), own()]);
      await turns();
      expect(writes()).toEqual([]);
      expect(schedules()).toEqual([]);
      expect(restarts()).toEqual([]);
      expect(manager.ownMembership?.userId).toBe(alice);
    });

    it("joins again if its membership is gone", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      vi.clearAllMocks();
      await manager.onRTCSessionMemberUpdate([other()]);
      await turns();
      expect(schedules()).toHaveLength(1);
      expect(writes()).toHaveLength(1);
      expect(restarts()).toHaveLength(1);
      expect(manager.ownMembership).toBeUndefined();
    });

    it("joins again if the server has sent its leave", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      expect(writes()).toHaveLength(1);
      client._unstable_restartScheduledDelayedEvent.mockRejectedValueOnce(notFound());
      const { promise, resolve } = Promise.withResolvers<unknown>();
      client._unstable_sendDelayedStateEvent.mockReturnValue(promise);
      await turns(6_000);
      await manager.onRTCSessionMemberUpdate([other()]);
      resolve({ delay_id: "id2" });
      await turns(100);
      expect(writes()).toHaveLength(2);
      expect(manager.status).toBe("Connected");
    });

    it("renews its membership before it expires", async () => {
      managerOf({ membershipEventExpiryMs: 60_000, membershipEventExpiryHeadroomMs: 1_000 }).join([focus]);
      await turns();
      await turns(58_900);
      expect(writes()).toHaveLength(1);
      await turns(200);
      expect(writes()).toHaveLength(2);
    });

    it("joins again with a longer pause between its restarts than the delay", async () => {
      const manager = managerOf({ delayedLeaveEventRestartMs: 15_000 });
      manager.join([focus]);
      expect(manager.status).toBe("Connecting");
      await vi.runOnlyPendingTimersAsync();
      expect(writes()).toHaveLength(1);
      expect(manager.status).toBe("Connected");
      client._unstable_restartScheduledDelayedEvent.mockRejectedValueOnce(notFound());
      const { promise, resolve } = Promise.withResolvers<unknown>();
      client._unstable_sendDelayedStateEvent.mockReturnValue(promise);
      await turns(15_000);
      await manager.onRTCSessionMemberUpdate([other()]);
      resolve({ delay_id: "id" });
      await vi.runOnlyPendingTimersAsync();
      expect(writes()).toHaveLength(2);
    });

    it("joins once it may, if its membership is missing meanwhile", async () => {
      client._unstable_sendDelayedStateEvent.mockRejectedValue(rateLimited(1));
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      expect(schedules()).toHaveLength(1);
      client._unstable_sendDelayedStateEvent.mockResolvedValue({ delay_id: "id" });
      await manager.onRTCSessionMemberUpdate([]);
      await turns(1_000);
      expect(schedules()).toHaveLength(2);
      expect(writes()).toHaveLength(1);
    });

    it("asks once more at the moment when it has probably left", async () => {
      const manager = managerOf({ delayedLeaveEventDelayMs: 10_000 });
      const onProbablyLeft = vi.fn();
      manager.on("ProbablyLeft", onProbablyLeft);
      manager.join([focus]);
      await vi.advanceTimersByTimeAsync(0);
      client._unstable_restartScheduledDelayedEvent.mockClear().mockReturnValue(new Promise(() => {}));
      await turns(5_000);
      expect(restarts()).toHaveLength(1);
      await turns(4_999);
      expect(restarts()).toHaveLength(3);
      expect(onProbablyLeft).not.toHaveBeenCalledWith(true);
      client._unstable_restartScheduledDelayedEvent.mockResolvedValue({});
      await turns(1);
      expect(restarts()).toHaveLength(4);
      expect(onProbablyLeft).toHaveBeenCalledWith(true);
      await manager.onRTCSessionMemberUpdate([]);
      await turns();
      expect(schedules()).toHaveLength(2);
      expect(writes()).toHaveLength(2);
      expect(onProbablyLeft).toHaveBeenCalledWith(false);
    });

    it.each([undefined, 1_000])(
      "grows its lifetime by the same time at each renewal, with the headroom %s",
      async (headroom) => {
        const expiry = 10_000;
        const config = { membershipEventExpiryMs: expiry, membershipEventExpiryHeadroomMs: headroom };
        managerOf(config).join([focus]);
        await turns(0);
        expect(writes().map(([, , content]) => content)).toMatchObject([{ expires: expiry }]);
        for (let count = 2; count <= 12; count += 1) {
          await turns(expiry);
          expect(writes()).toHaveLength(count);
          expect(client.sendStateEvent.mock.lastCall![2]).toMatchObject({ expires: expiry * count });
        }
      },
    );

    it("retries a restart after a rate limit", async () => {
      client._unstable_restartScheduledDelayedEvent.mockRejectedValue(rateLimited(1));
      managerOf().join([focus]);
      await turns();
      expect(restarts()).toHaveLength(1);
      await turns(1_000);
      expect(restarts()).toHaveLength(2);
      client._unstable_restartScheduledDelayedEvent.mockResolvedValue({});
      await turns(1_000);
      expect(restarts()).toHaveLength(3);
      expect(writes()).toHaveLength(1);
    });

    it("repeats a restart that is not answered", async () => {
      managerOf({ delayedLeaveEventDelayMs: 10_000 }).join([focus]);
      await turns();
      vi.clearAllMocks();
      client._unstable_restartScheduledDelayedEvent.mockReturnValue(new Promise(() => {}));
      await turns(5_000);
      expect(restarts()).toHaveLength(1);
      await turns(2_000);
      expect(restarts()).toHaveLength(2);
      await turns(2_000);
      expect(restarts()).toHaveLength(3);
    });

    it("has probably left once the server has not answered for the whole delay, until it is back", async () => {
      const manager = managerOf({ delayedLeaveEventDelayMs: 10_000 });
      const onProbablyLeft = vi.fn();
      manager.on("ProbablyLeft", onProbablyLeft);
      manager.join([focus]);
      await turns();
      client._unstable_restartScheduledDelayedEvent.mockReturnValue(new Promise(() => {}));
      await turns(9_990);
      expect(onProbablyLeft).not.toHaveBeenCalledWith(true);
      await turns(20);
      expect(onProbablyLeft).toHaveBeenCalledWith(true);
      expect(manager.probablyLeft).toBe(true);
      client._unstable_restartScheduledDelayedEvent.mockResolvedValue({});
      await turns(5_000);
      await manager.onRTCSessionMemberUpdate([own()]);
      await turns(1_000);
      expect(onProbablyLeft).toHaveBeenLastCalledWith(false);
      expect(manager.probablyLeft).toBe(false);
    });

    it("writes a new intent, and keeps the time of its join", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      const member = own();
      await manager.onRTCSessionMemberUpdate([member]);
      await manager.updateCallIntent("video");
      expect(writes()).toHaveLength(2);
      expect(writes()[1]![2]).toMatchObject({ "m.call.intent": "video", created_ts: member.createdTs() });
    });

    it("writes nothing for the intent that it has", async () => {
      const manager = managerOf({ callIntent: "video" });
      manager.join([focus]);
      await turns();
      await manager.onRTCSessionMemberUpdate([own({ "m.call.intent": "video" })]);
      await manager.updateCallIntent("video");
      expect(writes()).toHaveLength(1);
    });

    it("writes new data of the application, and the same data not again", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      await manager.onRTCSessionMemberUpdate([own()]);
      await manager.updateApplicationData({ "org.example.page": 1 });
      await manager.updateApplicationData({ "org.example.page": 1 });
      expect(writes()).toHaveLength(2);
      expect(writes()[1]![2]).toMatchObject({ application: "m.call", "org.example.page": 1 });
    });
  });

  describe("leave", () => {
    it("sends the delayed leave, and writes nothing", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      await expect(manager.leave()).resolves.toBe(true);
      expect(client._unstable_sendScheduledDelayedEvent.mock.calls).toEqual([["id"]]);
      expect(writes()).toHaveLength(1);
      expect(manager.isActivated()).toBe(false);
      expect(manager.status).toBe("Disconnected");
      expect(manager.delayId).toBeUndefined();
    });

    it("writes a leave if the delayed leave cannot be sent", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      client._unstable_sendScheduledDelayedEvent.mockRejectedValue("unknown");
      await manager.leave();
      expect(client.sendStateEvent).toHaveBeenLastCalledWith(room.roomId, stateType, {}, stateKey);
    });

    it("writes a leave if the server has no delayed events", async () => {
      client._unstable_sendDelayedStateEvent.mockRejectedValue(
        new UnsupportedDelayedEventsEndpointError("none", "sendDelayedStateEvent"),
      );
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      await expect(manager.leave()).resolves.toBe(true);
      expect(client.sendStateEvent).toHaveBeenLastCalledWith(room.roomId, stateType, {}, stateKey);
    });

    it("sends nothing more if it was still waiting to join", async () => {
      client._unstable_sendDelayedStateEvent.mockRejectedValue(rateLimited(1));
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      await manager.leave();
      await turns(5_000);
      expect(schedules()).toHaveLength(1);
      expect(writes()).toEqual([]);
    });

    it("resolves to false if it takes too long", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      client._unstable_sendScheduledDelayedEvent.mockReturnValue(new Promise(() => {}));
      const left = manager.leave(1_500);
      expect(manager.isActivated()).toBe(false);
      expect(manager.leave()).toStrictEqual(left);
      await turns(1_500);
      await expect(left).resolves.toBe(false);
    });

    it("can join again afterwards", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      await manager.leave();
      await turns();
      manager.join([focus]);
      await turns();
      expect(writes()).toHaveLength(2);
      expect(manager.status).toBe("Connected");
    });
  });

  describe("status", () => {
    it("goes from Disconnected to Connecting and Connected", async () => {
      const schedule = Promise.withResolvers<unknown>();
      const write = Promise.withResolvers<unknown>();
      client._unstable_sendDelayedStateEvent.mockReturnValue(schedule.promise);
      client.sendStateEvent.mockReturnValue(write.promise);
      const manager = managerOf();
      const onStatus = vi.fn();
      manager.on("StatusChanged", onStatus);
      manager.join([focus]);
      schedule.resolve({ delay_id: "id" });
      await turns();
      expect(onStatus.mock.calls).toEqual([["Disconnected", "Connecting"]]);
      write.resolve({ event_id: "$id" });
      await turns();
      expect(onStatus.mock.calls).toEqual([
        ["Disconnected", "Connecting"],
        ["Connecting", "Connected"],
      ]);
    });

    it("goes to Disconnecting and Disconnected", async () => {
      const manager = managerOf();
      manager.join([focus]);
      await turns();
      const onStatus = vi.fn();
      manager.on("StatusChanged", onStatus);
      await manager.leave();
      expect(onStatus.mock.calls).toEqual([
        ["Connected", "Disconnecting"],
        ["Disconnecting", "Disconnected"],
      ]);
    });

    it("emits the delay id", async () => {
      const manager = managerOf();
      const onDelayId = vi.fn();
      manager.on("DelayIdChanged", onDelayId);
      manager.join([focus]);
      await turns();
      expect(onDelayId.mock.calls).toEqual([["id"]]);
      await manager.leave();
      expect(onDelayId.mock.calls).toEqual([["id"], [undefined]]);
    });
  });

  describe("ends with an error", () => {
    it("after too many rate limits of the delayed leave", async () => {
      const onError = vi.fn();
      client._unstable_sendDelayedStateEvent.mockRejectedValue(rateLimited(2));
      const manager = managerOf();
      manager.join([focus], undefined, onError);
      await turns(18_001);
      expect(onError).not.toHaveBeenCalled();
      await turns(2_000);
      expect(onError).toHaveBeenCalledTimes(1);
      await turns();
      expect(manager.isActivated()).toBe(false);
    });

    it("after too many rate limits of restarts", async () => {
      const onError = vi.fn();
      client._unstable_restartScheduledDelayedEvent.mockRejectedValue(rateLimited(1));
      managerOf().join([focus], undefined, onError);
      await turns(12_000);
      expect(onError).toHaveBeenCalledTimes(1);
    });

    it("after too much trouble of the network, with its cause", async () => {
      const onError = vi.fn();
      const outage = new HTTPError("unknown", 501);
      client._unstable_sendDelayedStateEvent.mockRejectedValue(outage);
      managerOf({ networkErrorRetryMs: 1_000, maximumNetworkErrorRetryCount: 7 }).join([focus], undefined, onError);
      for (let count = 1; count <= 7; count += 1) {
        expect(schedules()).toHaveLength(count);
        await turns(1_000);
      }
      await turns();
      expect(onError.mock.lastCall![0].message).toMatch("The MembershipManager shut down because of the end condition");
      expect(onError.mock.lastCall![0].message).toMatch("Reached maximum (7) retries cause by");
      expect(writes()).toEqual([]);
    });

    it("after as long an outage as with matrix-js-sdk, although restarts are tried more often", async () => {
      const onError = vi.fn();
      managerOf().join([focus], undefined, onError);
      await turns(1_000);
      client._unstable_restartScheduledDelayedEvent.mockRejectedValue(new ConnectionError("offline"));
      // The restart after 5 s, and ten retries with 3 s between them.
      for (let ts = 1_000; ts < 34_000; ts += 1_000) await turns(1_000);
      expect(onError).not.toHaveBeenCalled();
      await turns(2_000);
      expect(onError).toHaveBeenCalledTimes(1);
    });

    it("not before its limit of retries, and not if the network comes back", async () => {
      const onError = vi.fn();
      const outage = () => Promise.reject(new ConnectionError("offline"));
      client._unstable_sendDelayedStateEvent.mockImplementationOnce(outage).mockImplementationOnce(outage);
      managerOf({ networkErrorRetryMs: 500 }).join([focus], undefined, onError);
      await turns(1_001);
      expect(schedules()).toHaveLength(3);
      expect(writes()).toHaveLength(1);
      expect(onError).not.toHaveBeenCalled();
    });

    it("if the write is refused, with the error of the client as its cause", async () => {
      const onError = vi.fn();
      const refusal = new MatrixError({ errcode: "M_FORBIDDEN", error: "no power" }, 403);
      client.sendStateEvent.mockRejectedValue(refusal);
      const manager = managerOf();
      manager.join([focus], undefined, onError);
      await turns();
      expect(onError).toHaveBeenCalledTimes(1);
      expect(onError.mock.lastCall![0].cause).toBe(refusal);
      expect(manager.isActivated()).toBe(false);
    });
  });

  describe("sticky", () => {
    const joinSticky = (config: JoinSessionConfig = {}) => {
      const manager = new names.StickyEventMembershipManager(
        config,
        room.asRoom,
        client as never,
        call,
        "alice-in-this-call",
        quiet as never,
      );
      manager.join([], focus);
      return manager;
    };

    it("schedules a sticky leave within the call to join", () => {
      joinSticky();
      expect(client._unstable_sendStickyDelayedEvent.mock.calls).toEqual([
        [
          room.roomId,
          3_600_000,
          { delay: 8_000 },
          null,
          "org.matrix.msc4143.rtc.member",
          { slot_id: "m.call#ROOM", msc4354_sticky_key: "alice-in-this-call" },
        ],
      ]);
    });

    it("writes a sticky membership with the given id", async () => {
      joinSticky({ callIntent: "audio", applicationData: { "org.example.page": 1 } });
      await turns();
      expect(client._unstable_sendStickyEvent.mock.calls).toEqual([
        [
          room.roomId,
          3_600_000,
          null,
          "org.matrix.msc4143.rtc.member",
          {
            application: { type: "m.call", "m.call.intent": "audio", "org.example.page": 1 },
            member: { user_id: alice, device_id: "PHONE", id: "alice-in-this-call" },
            slot_id: "m.call#ROOM",
            transports: {
              published: [{ type: "livekit", livekit_service_url: focus.livekit_service_url }],
              can_subscribe: ["livekit"],
            },
            versions: [],
            msc4354_sticky_key: "alice-in-this-call",
          },
        ],
      ]);
      expect(restarts()).toHaveLength(1);
      expect(writes()).toEqual([]);
    });

    it("joins again with the same id, and sends no leave for it", async () => {
      const manager = joinSticky();
      await turns();
      await manager.onRTCSessionMemberUpdate([other()]);
      await turns();
      const sentIds = client._unstable_sendStickyEvent.mock.calls.map(([, , , , content]) => {
        return (content as { member?: { id: string } }).member?.id;
      });
      expect(sentIds).toEqual(["alice-in-this-call", "alice-in-this-call"]);
      expect(manager.status).toBe("Connected");
    });

    it("leaves by its delayed leave", async () => {
      const manager = joinSticky();
      await turns();
      await expect(manager.leave()).resolves.toBe(true);
      expect(client._unstable_sendScheduledDelayedEvent.mock.calls).toEqual([["id"]]);
    });
  });
});
