import { ClientEvent, type MatrixClient } from "matrix-js-sdk";
import { lastValueFrom, mergeMap, type Observable, toArray } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RoomKeyEvent, ToDeviceMessage } from "../../src/matrix.ts";
import { OnlySignedDevicesIsolationMode } from "matrix-js-sdk/lib/crypto-api/index.js";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { proven } from "../../src/room/proven.ts";
import { alice, bob, encrypted, event, roomId, roomState } from "./events.ts";
import { eventually, FakeServer, refusal } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => {
  server.stop();
  vi.useRealTimers();
});

const type = "io.element.call.encryption_keys";
const all = <T>(source: Observable<T>): Promise<T[]> => lastValueFrom(source.pipe(toArray()));
const toBob = { userId: bob, deviceId: "BOB1" };

/** Alice and Bob in an encrypted room. Each knows the devices of the other. */
async function pair() {
  const join = { [roomId]: { state: [...roomState(alice, bob), encrypted] } };
  const ours = await server.started({ join }, { crypto: true });
  const theirs = await server.started({ join }, { userId: bob, deviceId: "BOB1", crypto: true });
  for (const { syncs } of [ours, theirs]) await syncs.take({ changedDevices: [alice, bob] });
  return { ours, theirs, port: fromMatrixClient(ours.client), theirPort: fromMatrixClient(theirs.client) };
}

function heardBy(port: { toDevice$: Observable<ToDeviceMessage> }) {
  const heard: ToDeviceMessage[] = [];
  port.toDevice$.pipe(mergeMap(proven)).subscribe((message) => heard.push(message));
  return heard;
}

test("an encrypted message arrives with its content and the proof of its device", async () => {
  const { theirs, port, theirPort } = await pair();
  const heard = heardBy(theirPort);
  expect(await all(port.sendToDevice([toBob], type, { keys: 1 }))).toEqual([{ ...toBob, outcome: "sent" }]);
  await theirs.syncs.take({ toDevice: server.takeToDevice(bob) });
  await eventually(() => heard).toHaveLength(1);
  expect(heard[0]).toEqual({
    type,
    sender: alice,
    content: { keys: 1 },
    proof: { deviceId: "ALICE1", crossSigned: false },
  });
});

test("keys in timeline events arrive decrypted, with the proof of their device", async () => {
  const { theirs, port, theirPort } = await pair();
  const heard: RoomKeyEvent[] = [];
  theirPort.roomKey$?.subscribe((keys) => heard.push(keys));
  await all(port.send({ roomId, type, txnId: "1", content: { keys: 1 } }));
  const { body } = server.sent("PUT", "/send/m.room.encrypted/").at(-1) ?? {};
  const sent = event("m.room.encrypted", body, alice);
  await theirs.syncs.take({
    toDevice: server.takeToDevice(bob),
    join: { [roomId]: { timeline: [sent] } },
  });
  await eventually(() => heard).toHaveLength(1);
  expect(heard[0]).toEqual({
    roomId,
    sender: alice,
    content: { keys: 1 },
    originServerTs: sent.origin_server_ts,
    ageMs: 10,
    proof: { deviceId: "ALICE1", crossSigned: false },
  });
});

test("a cleartext message has no proof", async () => {
  const { syncs, client } = await server.started();
  const heard = heardBy(fromMatrixClient(client));
  await syncs.take({ toDevice: [{ type, sender: bob, content: { n: 1 } }] });
  expect(heard).toEqual([{ type, sender: bob, content: { n: 1 } }]);
});

test("messages of the client's own key exchange stay with the client", async () => {
  const { syncs, client } = await server.started();
  const heard = heardBy(fromMatrixClient(client));
  const types = ["m.room_key", "m.secret.send", "m.rtc.encryption_key", type];
  await syncs.take({ toDevice: types.map((each) => ({ type: each, sender: bob, content: {} })) });
  expect(heard.map((message) => message.type)).toEqual(["m.rtc.encryption_key", type]);
});

test("messages of a type that this library does not read are ignored before their device is looked up", async () => {
  const look = vi.fn(async () => ["BOB1"]);
  const { client, heard } = withDevices(look);
  const emit = (messageType: string) =>
    client.emit(ClientEvent.ReceivedToDeviceMessage, {
      message: { type: messageType, sender: bob, content: {} } as never,
      encryptionInfo: { sender: bob, senderCurve25519KeyBase64: "key-of-BOB1", senderVerified: false },
    });
  for (const other of ["com.example.note", "m.dummy", "org.matrix.other", "io.element.other"]) emit(other);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect([heard, look.mock.calls]).toEqual([[], []]);
  const known = [type, "m.rtc.encryption_key", "org.matrix.msc4143.rtc.encryption_key", "m.call.invite"];
  for (const each of known) emit(each);
  await eventually(() => heard.map((message) => message.type)).toEqual(known);
});

test("malformed messages are ignored", async () => {
  const { client, syncs } = await server.started();
  const heard = heardBy(fromMatrixClient(client));
  await syncs.take({
    toDevice: [
      { type: 5, sender: bob, content: {} },
      { type, content: {} },
      { type, sender: bob, content: "odd" },
    ],
  });
  expect(heard).toEqual([{ type, sender: bob, content: "odd" }]);
});

/** Lets a client emit a decrypted message. */
const decrypted = (client: MatrixClient, content: object, sender = bob, key = "key-of-BOB1", senderDevice = "BOB1") =>
  client.emit(ClientEvent.ReceivedToDeviceMessage, {
    message: { type, sender, content } as never,
    encryptionInfo: { sender, senderDevice, senderCurve25519KeyBase64: key, senderVerified: false },
  });

function clientWithDevices(lists: (userId: string) => Promise<readonly string[]>): MatrixClient {
  const { client } = server.client();
  vi.spyOn(client, "getCrypto").mockReturnValue({
    getUserDeviceInfo: async ([userId = ""]: string[]) => {
      const ids = await lists(userId);
      const device = (deviceId: string) =>
        [deviceId, { deviceId, getIdentityKey: () => `key-of-${deviceId}` }] as const;
      return new Map([[userId, new Map(ids.map(device))]]);
    },
    getDeviceVerificationStatus: async (_: string, deviceId: string) => ({ signedByOwner: deviceId === "SIGNED" }),
  } as never);
  return client;
}

function withDevices(lists: (userId: string) => Promise<readonly string[]>) {
  const client = clientWithDevices(lists);
  return { client, heard: heardBy(fromMatrixClient(client)) };
}

test("the proof names the device of the identity key, not the device that the message claims", async () => {
  const { client, heard } = withDevices(async () => ["BOB1", "BOB2"]);
  decrypted(client, {}, bob, "key-of-BOB2", "BOB1");
  await eventually(() => heard).toHaveLength(1);
  expect(heard[0]?.proof).toEqual({ deviceId: "BOB2", crossSigned: false });
});

test("the proof of a device that its owner has signed is cross-signed", async () => {
  const { client, heard } = withDevices(async () => ["SIGNED"]);
  decrypted(client, {}, bob, "key-of-SIGNED");
  await eventually(() => heard).toHaveLength(1);
  expect(heard[0]?.proof).toEqual({ deviceId: "SIGNED", crossSigned: true });
});

test("a message whose Olm sender differs from its sender proves no device", async () => {
  const { client, heard } = withDevices(async () => ["BOB1"]);
  client.emit(ClientEvent.ReceivedToDeviceMessage, {
    message: { type, sender: alice, content: {} } as never,
    encryptionInfo: { sender: bob, senderCurve25519KeyBase64: "key-of-BOB1", senderVerified: true },
  });
  expect(heard).toEqual([{ type, sender: alice, content: {}, proof: { crossSigned: false } }]);
});

test("the look-up of a device waits for a device list that arrives a little later", async () => {
  vi.useFakeTimers();
  let ids: string[] = [];
  const { client, heard } = withDevices(async () => ids);
  decrypted(client, {});
  await vi.advanceTimersByTimeAsync(400);
  expect(heard).toEqual([]);
  ids = ["BOB1"];
  await vi.advanceTimersByTimeAsync(100);
  expect(heard[0]?.proof?.deviceId).toBe("BOB1");
});

test("the look-up of a device is repeated in time, though the wall clock is set back meanwhile", async () => {
  vi.useFakeTimers();
  let ids: string[] = [];
  const { client, heard } = withDevices(async () => ids);
  decrypted(client, {});
  await vi.advanceTimersByTimeAsync(400);
  vi.setSystemTime(Date.now() - 3_600_000);
  await vi.advanceTimersByTimeAsync(200);
  ids = ["BOB1"];
  await vi.advanceTimersByTimeAsync(1_500);
  expect(heard[0]?.proof?.deviceId).toBe("BOB1");
});

test("an identity key without a device proves only the sender, after six seconds", async () => {
  vi.useFakeTimers();
  const { client, heard } = withDevices(() => Promise.reject(new Error("no answer")));
  decrypted(client, {});
  await vi.advanceTimersByTimeAsync(5_999);
  expect(heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(heard).toEqual([{ type, sender: bob, content: {}, proof: { crossSigned: false } }]);
});

test("messages of one device stay in order, and do not wait for those of other devices", async () => {
  const ofCarol = Promise.withResolvers<string[]>();
  const { client, heard } = withDevices((userId) => (userId === bob ? Promise.resolve(["BOB1"]) : ofCarol.promise));
  const carol = "@carol:example.org";
  decrypted(client, { n: 1 }, carol, "key-of-CAROL1");
  decrypted(client, { n: 2 }, carol, "key-of-CAROL1");
  decrypted(client, { n: 3 });
  decrypted(client, { n: 4 });
  await eventually(() => heard.map(({ content }) => content)).toEqual([{ n: 3 }, { n: 4 }]);
  ofCarol.resolve(["CAROL1"]);
  await eventually(() => heard.map(({ content }) => content)).toEqual([{ n: 3 }, { n: 4 }, { n: 1 }, { n: 2 }]);
});

test("many messages from one device need only one look-up at a time", async () => {
  const list = Promise.withResolvers<string[]>();
  const look = vi.fn(() => list.promise);
  const { client, heard } = withDevices(look);
  for (let n = 0; n < 100; n++) decrypted(client, { n });
  list.resolve(["BOB1"]);
  await eventually(() => heard.length).toBe(100);
  expect(look).toHaveBeenCalledTimes(1);
});

test("messages of many unknown devices of one user need one look-up at a time, and four for all", async () => {
  vi.useFakeTimers();
  let underWay = 0;
  let most = 0;
  const look = vi.fn(async () => {
    most = Math.max(most, (underWay += 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    underWay -= 1;
    return ["BOB1"];
  });
  const { client, heard } = withDevices(look);
  for (let n = 0; n < 200; n++) decrypted(client, { n }, bob, `key-${n}`);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([most, look.mock.calls.length]).toEqual([1, 4]);
  expect(heard.map(({ proof }) => proof)).toEqual(Array.from({ length: 200 }, () => ({ crossSigned: false })));
});

test("a user who sends message after message from unknown devices causes at most two look-ups a second", async () => {
  vi.useFakeTimers();
  const look = vi.fn(async () => ["BOB1"]);
  const { client } = withDevices(look);
  for (let n = 0; n < 1_000; n++) {
    decrypted(client, { n }, bob, `key-${n}`);
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(look.mock.calls.length).toBeLessThanOrEqual(21);
});

test("at most 1,000 messages of a user wait for a look-up, and the others prove only the sender", async () => {
  const list = Promise.withResolvers<string[]>();
  const { client, heard } = withDevices(() => list.promise);
  for (let n = 0; n < 1_010; n++) decrypted(client, { n }, bob, `key-${n}`);
  await eventually(() => heard.length).toBe(10);
  list.resolve([]);
});

test("a client that excludes unsigned devices accepts no proof of one", async () => {
  const { client, heard } = withDevices(async () => ["BOB1", "SIGNED"]);
  Object.assign(client.getCrypto()!, { deviceIsolationMode: { kind: 1 } });
  decrypted(client, { n: 1 }, bob, "key-of-BOB1");
  decrypted(client, { n: 2 }, bob, "key-of-SIGNED");
  await eventually(() => heard.map(({ proof }) => proof)).toEqual([
    { crossSigned: false },
    { deviceId: "SIGNED", crossSigned: true },
  ]);
});

test("a client that excludes unsigned devices sends them nothing, until they are signed", async () => {
  const { port, ours } = await pair();
  const crypto = ours.client.getCrypto()!;
  crypto.setDeviceIsolationMode(new OnlySignedDevicesIsolationMode());
  expect(await all(port.sendToDevice([toBob], type, {}))).toEqual([{ ...toBob, outcome: "not-cross-signed" }]);
  expect(server.sent("PUT", "/sendToDevice/m.room.encrypted/")).toEqual([]);
  vi.spyOn(crypto, "getDeviceVerificationStatus").mockResolvedValue({ signedByOwner: true } as never);
  expect(await all(port.sendToDevice([toBob], type, {}))).toEqual([{ ...toBob, outcome: "sent" }]);
});

test("the port says whether a device is signed by its owner", async () => {
  const { client } = withDevices(async () => ["BOB1", "SIGNED"]);
  const port = fromMatrixClient(client);
  const isSigned = (deviceId: string) => all(port.isCrossSigned!({ userId: bob, deviceId }));
  expect(await isSigned("SIGNED")).toEqual([true]);
  expect(await isSigned("BOB1")).toEqual([false]);
  expect(await isSigned("GONE")).toEqual([false]);
});

test("the port of a client without encryption knows no signed device", async () => {
  const port = fromMatrixClient(server.client().client);
  expect(await all(port.isCrossSigned!(toBob))).toEqual([false]);
});

test("nothing is emitted after unsubscribing, not even a message whose device is being looked up", async () => {
  const { client } = withDevices(async () => ["BOB1"]);
  const heard: ToDeviceMessage[] = [];
  const subscription = fromMatrixClient(client)
    .toDevice$.pipe(mergeMap(proven))
    .subscribe((message) => heard.push(message));
  decrypted(client, {});
  subscription.unsubscribe();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(heard).toEqual([]);
});

test("each device gets one outcome: sent, or unknown-device", async () => {
  const { port } = await pair();
  const devices = [toBob, { userId: bob, deviceId: "GONE" }, { userId: "@nobody:example.org", deviceId: "X" }];
  const outcomes = await all(port.sendToDevice(devices, type, {}));
  expect(outcomes).toHaveLength(3);
  expect(outcomes).toContainEqual({ ...devices[0], outcome: "sent" });
  expect(outcomes).toContainEqual({ ...devices[1], outcome: "unknown-device" });
  expect(outcomes).toContainEqual({ ...devices[2], outcome: "unknown-device" });
});

test("a message counts as sent only after the server has acknowledged it", async () => {
  const { port } = await pair();
  server.on("PUT", "/sendToDevice/", () => refusal(429, "M_LIMIT_EXCEEDED", { retry_after_ms: 500 }));
  const [outcome] = await all(port.sendToDevice([toBob], type, {}));
  expect(outcome).toMatchObject({ ...toBob, outcome: "failed", cause: { kind: "rate-limited", retryAfterMs: 500 } });
});

test("sending to a device without a one-time key fails", async () => {
  const { port } = await pair();
  server.on("POST", "/keys/claim", () => ({ one_time_keys: {} }));
  expect(await all(port.sendToDevice([toBob], type, {}))).toMatchObject([{ ...toBob, outcome: "failed" }]);
});

test("a message to many devices takes several requests, and a failed request fails for its devices only", async () => {
  const { client } = server.client();
  const devices = Array.from({ length: 45 }, (_, i) => ({ userId: `@user${i}:example.org`, deviceId: `D${i}` }));
  vi.spyOn(client, "getCrypto").mockReturnValue({
    encryptToDeviceMessages: async (_: string, to: typeof devices) => ({
      batch: to.map((device) => ({ ...device, payload: {} })),
    }),
  } as never);
  let count = 0;
  server.on("PUT", "/sendToDevice/", () => (++count === 2 ? refusal(500, "M_UNKNOWN") : {}));
  const outcomes = await all(fromMatrixClient(client).sendToDevice(devices, type, {}));
  expect(
    server.sent("PUT", "/sendToDevice/m.room.encrypted/").map(({ body }) => Object.keys(body.messages).length),
  ).toEqual([20, 20, 5]);
  expect(outcomes.filter(({ outcome }) => outcome === "sent")).toHaveLength(25);
  expect(outcomes.filter(({ outcome }) => outcome === "failed")).toHaveLength(20);
  expect(new Set(outcomes.map(({ deviceId }) => deviceId)).size).toBe(45);
});

test("a device whose encryption fails is tried alone, and fails alone", async () => {
  const { client } = server.client();
  const devices = ["D1", "D2", "D3"].map((deviceId) => ({ userId: bob, deviceId }));
  vi.spyOn(client, "getCrypto").mockReturnValue({
    encryptToDeviceMessages: async (_: string, to: typeof devices) => {
      if (to.some(({ deviceId }) => deviceId === "D2")) throw new Error("no session");
      return { batch: to.map((device) => ({ ...device, payload: {} })) };
    },
  } as never);
  const outcomes = await all(fromMatrixClient(client).sendToDevice(devices, type, {}));
  expect(Object.fromEntries(outcomes.map(({ deviceId, outcome }) => [deviceId, outcome]))).toEqual({
    D1: "sent",
    D2: "failed",
    D3: "sent",
  });
});

test("sending to a new device waits for the device list that names it", async () => {
  const { client } = server.client();
  let isListed = false;
  vi.spyOn(client, "getCrypto").mockReturnValue({
    encryptToDeviceMessages: async (_: string, to: object[]) => ({
      batch: isListed ? to.map((device) => ({ ...device, payload: {} })) : [],
    }),
    getUserDeviceInfo: async () => {
      isListed = true;
      return new Map([[bob, new Map([["BOB1", {}]])]]);
    },
  } as never);
  expect(await all(fromMatrixClient(client).sendToDevice([toBob], type, {}))).toEqual([{ ...toBob, outcome: "sent" }]);
});

test("a client without encryption fails for every device", async () => {
  const port = fromMatrixClient(server.client().client);
  expect(await all(port.sendToDevice([toBob], type, {}))).toMatchObject([
    { ...toBob, outcome: "failed", cause: { kind: "unsupported" } },
  ]);
});

test("sending to no devices completes at once", async () => {
  const { client } = server.client();
  expect(await all(fromMatrixClient(client).sendToDevice([], type, {}))).toEqual([]);
  expect(server.requests).toEqual([]);
});

test("a device is looked up only for a message whose proof is asked for", async () => {
  const look = vi.fn(async () => ["BOB1"]);
  const client = clientWithDevices(look);
  fromMatrixClient(client).toDevice$.subscribe();
  for (let count = 0; count < 10; count += 1) decrypted(client, {});
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(look).not.toHaveBeenCalled();
});
