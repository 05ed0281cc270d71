// The to-device transport of media keys of the original and ours, by the same expectations.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Statistics, ToDeviceKeyTransport } from "matrixrtc-rx/compat";
import { alice, bob, MockClient, mockEvent } from "./mocks.ts";
import { sides } from "./sides.ts";

const roomId = "!room:example.org";
const type = "io.element.call.encryption_keys";
const session = { application: "m.call", call_id: "", scope: "m.room" };
const ownIds = { userId: alice, deviceId: "PHONE", memberId: `${alice}:PHONE` };
const valid = {
  keys: { index: 2, key: "ABCDEF" },
  member: { id: "bob", claimed_device_id: "BOBPHONE" },
  room_id: roomId,
  session,
};

describe.each(sides)("ToDeviceKeyTransport of $name", ({ names }) => {
  let client: MockClient;
  let statistics: Statistics;
  let transport: ToDeviceKeyTransport;
  const warn = vi.fn();
  const onKeys = vi.fn();

  beforeEach(() => {
    client = new MockClient();
    warn.mockReset();
    onKeys.mockReset();
    statistics = {
      counters: { roomEventEncryptionKeysSent: 0, roomEventEncryptionKeysReceived: 0 },
      totals: { roomEventEncryptionKeysReceivedTotalAge: 0 },
    };
    const log = { debug() {}, info() {}, error() {}, warn };
    transport = new names.ToDeviceKeyTransport(ownIds, roomId, client as never, statistics, {
      getChild: () => log,
    } as never);
    transport.on(names.KeyTransportEvents.ReceivedKeys, onKeys);
  });

  const to = (userId: string, deviceId: string) => ({ userId, deviceId, membershipTs: 1_000 });
  const receive = (content: object, ofType = type) =>
    client.emit("toDeviceEvent", mockEvent(ofType, { user_id: bob, ...content }));

  it("sends a key to the devices of the members, and counts it", async () => {
    await transport.sendKey("ABCDEF", 2, [to(bob, "BOBPHONE"), to(alice, "PHONE"), to(alice, "LAPTOP")]);
    expect(client.encryptAndSendToDevice.mock.calls).toEqual([
      [
        type,
        [
          { userId: bob, deviceId: "BOBPHONE" },
          { userId: alice, deviceId: "LAPTOP" },
        ],
        {
          keys: { index: 2, key: "ABCDEF" },
          member: { claimed_device_id: "PHONE", id: `${alice}:PHONE` },
          room_id: roomId,
          session,
          sent_ts: expect.any(Number),
        },
      ],
    ]);
    expect(statistics.counters.roomEventEncryptionKeysSent).toBe(1);
  });

  it("sends nothing if we are the only member", async () => {
    await transport.sendKey("ABCDEF", 2, [to(alice, "PHONE")]);
    expect(client.encryptAndSendToDevice).not.toHaveBeenCalled();
    expect(statistics.counters.roomEventEncryptionKeysSent).toBe(0);
    expect(warn).toHaveBeenCalledWith("No targets found for sending key");
  });

  it.each(["unknown variant send_to_device", "this is not supported"])(
    "fails if a widget says: %s",
    async (message) => {
      client.encryptAndSendToDevice.mockRejectedValue(new Error(message));
      await expect(transport.sendKey("ABCDEF", 2, [to(bob, "BOBPHONE")])).rejects.toThrow(names.NotSupportedError);
    },
  );

  it("does not fail for other trouble", async () => {
    client.encryptAndSendToDevice.mockRejectedValue(new Error("offline"));
    await expect(transport.sendKey("ABCDEF", 2, [to(bob, "BOBPHONE")])).resolves.toBeUndefined();
  });

  it("takes a key between start and stop, and counts it with its age", () => {
    receive(valid);
    transport.start();
    receive({ ...valid, sent_ts: Date.now() - 500 });
    receive({ ...valid, member: { claimed_device_id: "BOBPHONE" } });
    transport.stop();
    receive(valid);
    expect(onKeys.mock.calls).toEqual([
      [{ userId: bob, deviceId: "BOBPHONE", memberId: "bob" }, "ABCDEF", 2, expect.any(Number)],
      [{ userId: bob, deviceId: "BOBPHONE", memberId: `${bob}:BOBPHONE` }, "ABCDEF", 2, expect.any(Number)],
    ]);
    expect(statistics.counters.roomEventEncryptionKeysReceived).toBe(2);
    expect(statistics.totals.roomEventEncryptionKeysReceivedTotalAge).toBeGreaterThanOrEqual(500);
    expect(client.eventNames()).toEqual([]);
  });

  it("ignores messages of other types", () => {
    transport.start();
    receive(valid, "m.other");
    expect(onKeys).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
  });

  it.each([
    ["without keys", { ...valid, keys: undefined }],
    ["without a key", { ...valid, keys: { index: 0 } }],
    ["without an index", { ...valid, keys: { key: "ABCDEF" } }],
    ["without a member", { ...valid, member: undefined }],
    ["without a device", { ...valid, member: {} }],
    ["without a room", { ...valid, room_id: undefined }],
  ])("warns of a message %s", (_, content) => {
    transport.start();
    receive(content);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(onKeys).not.toHaveBeenCalled();
    expect(statistics.counters.roomEventEncryptionKeysReceived).toBe(0);
  });

  it("warns of a message for another room", () => {
    transport.start();
    receive({ ...valid, room_id: "!other:example.org" });
    expect(warn).toHaveBeenCalledWith("Malformed Event: Mismatch roomId");
  });
});
