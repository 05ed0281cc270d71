import { ClientEvent, EventStatus, MatrixEvent, Room, SyncState } from "matrix-js-sdk";
import { firstValueFrom } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { encryptedSession } from "../../src/encryption/index.ts";
import type { RoomChange, StickyEvent } from "../../src/matrix.ts";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { alice, bob, encrypted, event, memberType, roomId, roomState, sticky } from "./events.ts";
import { eventually, type FakeClient, FakeServer, type SyncedRoom } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => {
  vi.useRealTimers();
  server.stop();
});

const inRoom = (change: SyncedRoom) => ({ join: { [roomId]: change } });

function listen({ client }: FakeClient) {
  const port = fromMatrixClient(client);
  const emitted: StickyEvent[] = [];
  const batches: (readonly RoomChange[])[] = [];
  const subscription = port.changes$.subscribe((change) => {
    batches.push(change);
    emitted.push(...change.flatMap((each) => (each.kind === "sticky" ? [each.event] : [])));
  });
  return { port, emitted, batches, subscription };
}

/** Bob has sent a membership to an encrypted room. Its key may arrive later. */
async function encryptedMembership(
  content: Record<string, unknown> = { msc4354_sticky_key: "m1", member: { device_id: "BOB1" } },
) {
  const room = inRoom({ state: [...roomState(alice, bob), encrypted] });
  const ours = await server.started(room, { crypto: true });
  const theirs = await server.started(room, { userId: bob, deviceId: "BOB1", crypto: true });
  await ours.syncs.take({ changedDevices: [bob] });
  await theirs.syncs.take();
  const port = fromMatrixClient(theirs.client);
  await firstValueFrom(port.send({ roomId, type: memberType, stickyMs: 3_600_000, txnId: "1", content }));
  const { body } = server.sent("PUT", "/send/m.room.encrypted/").at(-1) ?? {};
  return { ours, theirs, member: sticky(body, bob, "m.room.encrypted") };
}

test("a sticky event is read with its times and its encryption", async () => {
  const member = { ...sticky(), unsigned: { msc4354_sticky_duration_ttl_ms: 1_000_000 } };
  const fake = await server.started(inRoom({ state: roomState(alice), timeline: [member] }));
  const [read] = fromMatrixClient(fake.client).stickyEvents(roomId);
  expect(read).toEqual({
    type: memberType,
    sender: bob,
    eventId: member.event_id,
    originServerTs: member.origin_server_ts,
    content: { msc4354_sticky_key: "m1" },
    encryption: "cleartext",
    durationMs: 3_600_000,
    ttlMs: 1_000_000,
    receivedTs: expect.any(Number),
  });
  expect(Math.abs((read?.receivedTs ?? 0) - Date.now())).toBeLessThan(1_000);
});

test("the same sticky event is the same object in changes and when read, with and without subscribers", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, emitted, subscription } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [sticky()] }));
  expect([...port.stickyEvents(roomId)]).toEqual([emitted[0]]);
  expect([...port.stickyEvents(roomId)][0]).toBe(emitted[0]);
  subscription.unsubscribe();
  expect([...port.stickyEvents(roomId)][0]).toBe(emitted[0]);
});

test("sticky events of other types are ignored", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, emitted } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [sticky({}, bob, "m.sticky.note")] }));
  expect(emitted).toEqual([]);
  expect([...port.stickyEvents(roomId)]).toEqual([]);
});

test("events with the same sticky key can all be read", async () => {
  const [first, second] = [sticky({ msc4354_sticky_key: "m1" }), sticky({ msc4354_sticky_key: "m1" })];
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [first] }));
  await fake.syncs.take(inRoom({ timeline: [second] }));
  expect([...port.stickyEvents(roomId)].map(({ eventId }) => eventId)).toEqual([first.event_id, second.event_id]);
});

test("a sticky event that arrives several times is emitted once", async () => {
  const member = sticky();
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { emitted } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [member] }));
  await fake.syncs.take(inRoom({ timeline: [member] }));
  await fake.syncs.take(inRoom({ sticky: [member] }));
  expect(emitted).toHaveLength(1);
});

test("the sticky event of a gappy sync is emitted with its room, which the client does not set", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, emitted } = listen(fake);
  const member = sticky();
  await fake.syncs.take(
    inRoom({ limited: true, timeline: [event("m.room.message", { body: "x" })], sticky: [member] }),
  );
  expect(emitted.map(({ eventId }) => eventId)).toEqual([member.event_id]);
  expect([...port.stickyEvents(roomId)]).toEqual(emitted);
});

test("sticky events outlive the Room object that they came into", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice), timeline: [sticky()] }));
  const { port, batches } = listen(fake);
  const before = [...port.stickyEvents(roomId)];
  const replacement = new Room(roomId, fake.client, alice);
  fake.client.store.storeRoom(replacement);
  fake.client.emit(ClientEvent.Room, replacement);
  await Promise.resolve();
  expect(batches).toEqual([[{ kind: "room", roomId }]]);
  expect([...port.stickyEvents(roomId)]).toEqual(before);
  expect(before).toHaveLength(1);
});

test("our own sticky event cannot be read before the server has accepted it", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, emitted } = listen(fake);
  const pending = new MatrixEvent({
    ...sticky({ msc4354_sticky_key: "mine" }, alice),
    room_id: roomId,
    event_id: "~local",
  });
  pending.setStatus(EventStatus.SENDING);
  fake.client.getRoom(roomId)?.addPendingEvent(pending, "txn");
  fake.client.emit(ClientEvent.Event, pending);
  await Promise.resolve();
  expect(emitted).toEqual([]);
  expect([...port.stickyEvents(roomId)]).toEqual([]);
});

test("an edit does not change the content of a sticky event", async () => {
  const member = sticky();
  const fake = await server.started(inRoom({ state: roomState(alice), timeline: [member] }));
  const content = {
    "m.new_content": { msc4354_sticky_key: "forged" },
    "m.relates_to": { rel_type: "m.replace", event_id: member.event_id },
  };
  fake.client
    .getRoom(roomId)
    ?.findEventById(member.event_id)
    ?.makeReplaced(new MatrixEvent(event(memberType, content, bob)));
  const [read] = fromMatrixClient(fake.client).stickyEvents(roomId);
  expect(read?.content).toEqual({ msc4354_sticky_key: "m1" });
});

test("an encrypted sticky event whose key has arrived is emitted decrypted", async () => {
  const { ours, member } = await encryptedMembership();
  const { emitted } = listen(ours);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom({ timeline: [member] }) });
  await eventually(() => emitted.length).toBe(1);
  expect(emitted[0]).toMatchObject({
    type: memberType,
    encryption: "decrypted",
    content: { msc4354_sticky_key: "m1" },
  });
});

test("an undecryptable sticky event is emitted as undecryptable, and again when its key arrives", async () => {
  const { ours, member } = await encryptedMembership();
  const { port, emitted } = listen(ours);
  await ours.syncs.take(inRoom({ timeline: [member] }));
  await eventually(() => emitted.length).toBe(1);
  expect(emitted[0]).toMatchObject({
    type: "m.room.encrypted",
    encryption: "undecryptable",
    sender: bob,
    eventId: member.event_id,
  });
  expect([...port.stickyEvents(roomId)]).toEqual([emitted[0]]);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice) });
  await eventually(() => emitted.length).toBe(2);
  expect(emitted[1]).toMatchObject({ type: memberType, encryption: "decrypted", receivedTs: emitted[0]?.receivedTs });
  expect([...port.stickyEvents(roomId)]).toEqual([emitted[1]]);
});

test("an undecryptable event from before the first subscriber is found in the timeline", async () => {
  const { ours, member } = await encryptedMembership();
  await ours.syncs.take(inRoom({ timeline: [member] }));
  const { port, emitted } = listen(ours);
  await eventually(() => emitted.length).toBe(1);
  expect(emitted[0]).toMatchObject({ encryption: "undecryptable", eventId: member.event_id });
  expect([...port.stickyEvents(roomId)]).toEqual(emitted);
});

test("a room with only an undecryptable event is listed as a room with sticky events, with and without subscribers", async () => {
  const { ours, member } = await encryptedMembership();
  const port = fromMatrixClient(ours.client);
  expect([...port.rooms({ withStateOf: memberType })]).toEqual([]);
  await ours.syncs.take(inRoom({ timeline: [member] }));
  expect([...port.rooms({ withStateOf: memberType })]).toEqual([roomId]);
  const { port: listening, emitted } = listen(ours);
  await eventually(() => emitted.length).toBe(1);
  expect([...listening.rooms({ withStateOf: memberType })]).toEqual([roomId]);
});

test("an encrypted sticky event of a gappy sync is decrypted, although the client does not retry it", async () => {
  const { ours, member } = await encryptedMembership();
  const { emitted } = listen(ours);
  const gap = { limited: true, timeline: [event("m.room.message", { body: "x" })], sticky: [member] };
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom(gap) });
  await eventually(() => emitted.map(({ encryption }) => encryption)).toEqual(["decrypted"]);
  expect(emitted[0]).toMatchObject({ eventId: member.event_id, content: { msc4354_sticky_key: "m1" } });
});

test("an encrypted sticky event that nothing else decrypts is decrypted", async () => {
  const { ours, member } = await encryptedMembership();
  const { emitted } = listen(ours);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice) });
  const mapper = ours.client.getEventMapper({ decrypt: false });
  ours.client.emit(ClientEvent.Event, mapper({ ...member, room_id: roomId }));
  await eventually(() => emitted.map(({ encryption }) => encryption)).toEqual(["decrypted"]);
});

const nameless = {
  slot_id: "m.call#ROOM",
  application: { type: "m.call" },
  member: { id: "m1", membership: "join" },
  msc4354_sticky_key: "m1",
};

test("a membership that does not name its device gets the device from the proof, and a session shows the member then", async () => {
  const { ours, member } = await encryptedMembership(nameless);
  const { port, emitted } = listen(ours);
  const session = encryptedSession(port, { roomId, slot: "m.call#ROOM" });
  const watching = session.membership$.subscribe();
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom({ timeline: [member] }) });
  await eventually(() => emitted.at(-1)?.senderDeviceId).toBe("BOB1");
  await eventually(() => session.membership$.value.map(({ deviceId }) => deviceId)).toEqual(["BOB1"]);
  watching.unsubscribe();
});

test("a device that was not found is looked up again once the connection is back", async () => {
  vi.useFakeTimers();
  const { client } = server.client();
  const getUserDeviceInfo = vi.fn().mockRejectedValue(new Error("no answer"));
  const cleartext = { clearEvent: { type: memberType, content: nameless }, senderCurve25519Key: "key-of-BOB1" };
  const crypto = {
    getUserDeviceInfo,
    getDeviceVerificationStatus: async () => ({ signedByOwner: true }),
    decryptEvent: async () => cleartext,
  };
  vi.spyOn(client, "getCrypto").mockReturnValue(crypto as never);
  const room = new Room(roomId, client, alice);
  client.store.storeRoom(room);
  const { emitted } = listen({ client } as FakeClient);

  const arrived = new MatrixEvent({ ...sticky({}, bob, "m.room.encrypted"), room_id: roomId });
  await arrived.attemptDecryption(crypto as never);
  room._unstable_addStickyEvents([arrived]);
  client.emit(ClientEvent.Event, arrived);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([emitted.length, getUserDeviceInfo.mock.calls.length]).toEqual([1, 4]);

  const device = { deviceId: "BOB1", getIdentityKey: () => "key-of-BOB1" };
  getUserDeviceInfo.mockResolvedValue(new Map([[bob, new Map([["BOB1", device]])]]));
  client.emit(ClientEvent.Sync, SyncState.Syncing, SyncState.Reconnecting);
  await vi.advanceTimersByTimeAsync(0);
  expect(emitted.map(({ senderDeviceId }) => senderDeviceId)).toEqual([undefined, "BOB1"]);
});

/** Lets a client receive sticky events of these senders, oldest first. */
function receive(client: FakeClient["client"], senders: readonly string[]): any[] {
  const events = senders.map((sender) => sticky({ msc4354_sticky_key: "m1" }, sender));
  for (const each of events) client.emit(ClientEvent.Event, new MatrixEvent({ ...each, room_id: roomId }));
  return events;
}

const users = (count: number) => Array.from({ length: count }, (_, i) => `@user${i}:example.org`);

test("the cache of a room keeps the newest 5,000 events", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, emitted } = listen(fake);
  const many = receive(fake.client, users(5_010));
  await Promise.resolve();
  expect(emitted).toHaveLength(5_010);
  const held = [...port.stickyEvents(roomId)];
  expect(held).toHaveLength(5_000);
  expect(held[0]?.eventId).toBe(many[10].event_id);
});

test("the cache keeps the newest 200 events of a sender, so that nobody can push out the events of others", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port } = listen(fake);
  const [first] = receive(fake.client, [bob]);
  const many = receive(
    fake.client,
    Array.from({ length: 5_100 }, () => "@mallory:example.org"),
  );
  const held = [...port.stickyEvents(roomId)];
  expect(held).toHaveLength(201);
  expect(held[0]?.eventId).toBe(first.event_id);
  expect(held[1]?.eventId).toBe(many.at(-200).event_id);
});

test("a full cache drops events of the sender with most events", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port } = listen(fake);
  const [first] = receive(fake.client, [bob]);
  const spam = users(30).flatMap((user) => Array.from({ length: 200 }, () => user));
  receive(fake.client, spam);
  const bySender = Map.groupBy(port.stickyEvents(roomId), ({ sender }) => sender);
  expect([...bySender.values()].flat()).toHaveLength(5_000);
  expect(bySender.get(bob)?.map(({ eventId }) => eventId)).toEqual([first.event_id]);
});

test("an encrypted sticky event is undecryptable for a client without encryption", async () => {
  const content = { algorithm: "m.megolm.v1.aes-sha2", ciphertext: "x", session_id: "y" };
  const member = sticky(content, bob, "m.room.encrypted");
  const fake = await server.started(inRoom({ state: [...roomState(alice, bob), encrypted] }));
  const { port, emitted, subscription } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [member] }));
  const expected = { type: "m.room.encrypted", encryption: "undecryptable", sender: bob, eventId: member.event_id };
  expect(emitted).toMatchObject([expected]);
  expect([...port.stickyEvents(roomId)]).toEqual(emitted);
  const session = encryptedSession(port, { roomId, slot: "m.call#ROOM" });
  expect(session.rejected$.value).toMatchObject([{ reason: "undecryptable" }]);
  subscription.unsubscribe();
  expect([...port.stickyEvents(roomId)]).toMatchObject([expected]);
});
