import { ClientEvent, EventStatus, MatrixEvent, Room, SyncState } from "matrix-js-sdk";
import { firstValueFrom } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rtcSession } from "../../src/index.ts";
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
  const told: StickyEvent[] = [];
  const batches: (readonly RoomChange[])[] = [];
  const subscription = port.changes$.subscribe((change) => {
    batches.push(change);
    told.push(...change.flatMap((each) => (each.kind === "sticky" ? [each.event] : [])));
  });
  return { port, told, batches, subscription };
}

/** Bob has sent a membership into an encrypted room; its key may come later. */
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

test("a sticky event is read with its times and the way it came", async () => {
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

test("the same event is the same object, told or read, listening or not", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, told, subscription } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [sticky()] }));
  expect([...port.stickyEvents(roomId)]).toEqual([told[0]]);
  expect([...port.stickyEvents(roomId)][0]).toBe(told[0]);
  subscription.unsubscribe();
  expect([...port.stickyEvents(roomId)][0]).toBe(told[0]);
});

test("sticky events of other types are of no use", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, told } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [sticky({}, bob, "m.sticky.note")] }));
  expect(told).toEqual([]);
  expect([...port.stickyEvents(roomId)]).toEqual([]);
});

test("events that replace each other are all there, for us to choose", async () => {
  const [first, second] = [sticky({ msc4354_sticky_key: "m1" }), sticky({ msc4354_sticky_key: "m1" })];
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [first] }));
  await fake.syncs.take(inRoom({ timeline: [second] }));
  expect([...port.stickyEvents(roomId)].map(({ eventId }) => eventId)).toEqual([first.event_id, second.event_id]);
});

test("an event is told once, though it comes again", async () => {
  const member = sticky();
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { told } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [member] }));
  await fake.syncs.take(inRoom({ timeline: [member] }));
  await fake.syncs.take(inRoom({ sticky: [member] }));
  expect(told).toHaveLength(1);
});

test("the event of a gappy sync, which the client files without a room, is told with its room", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, told } = listen(fake);
  const member = sticky();
  await fake.syncs.take(
    inRoom({ limited: true, timeline: [event("m.room.message", { body: "x" })], sticky: [member] }),
  );
  expect(told.map(({ eventId }) => eventId)).toEqual([member.event_id]);
  expect([...port.stickyEvents(roomId)]).toEqual(told);
});

test("memberships outlive the Room that they came into", async () => {
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

test("our own event is not there before the server has it", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, told } = listen(fake);
  const pending = new MatrixEvent({
    ...sticky({ msc4354_sticky_key: "mine" }, alice),
    room_id: roomId,
    event_id: "~local",
  });
  pending.setStatus(EventStatus.SENDING);
  fake.client.getRoom(roomId)?.addPendingEvent(pending, "txn");
  fake.client.emit(ClientEvent.Event, pending);
  await Promise.resolve();
  expect(told).toEqual([]);
  expect([...port.stickyEvents(roomId)]).toEqual([]);
});

test("an edit does not speak for the event that it edits", async () => {
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

test("an encrypted event whose key has come is told decrypted", async () => {
  const { ours, member } = await encryptedMembership();
  const { told } = listen(ours);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom({ timeline: [member] }) });
  await eventually(() => told.length).toBe(1);
  expect(told[0]).toMatchObject({ type: memberType, encryption: "decrypted", content: { msc4354_sticky_key: "m1" } });
});

test("an event that cannot be decrypted is told as such, and again when its key comes", async () => {
  const { ours, member } = await encryptedMembership();
  const { port, told } = listen(ours);
  await ours.syncs.take(inRoom({ timeline: [member] }));
  await eventually(() => told.length).toBe(1);
  expect(told[0]).toMatchObject({
    type: "m.room.encrypted",
    encryption: "undecryptable",
    sender: bob,
    eventId: member.event_id,
  });
  expect([...port.stickyEvents(roomId)]).toEqual([told[0]]);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice) });
  await eventually(() => told.length).toBe(2);
  expect(told[1]).toMatchObject({ type: memberType, encryption: "decrypted", receivedTs: told[0]?.receivedTs });
  expect([...port.stickyEvents(roomId)]).toEqual([told[1]]);
});

test("an undecryptable event of before anybody listened is found in the time line", async () => {
  const { ours, member } = await encryptedMembership();
  await ours.syncs.take(inRoom({ timeline: [member] }));
  const { port, told } = listen(ours);
  await eventually(() => told.length).toBe(1);
  expect(told[0]).toMatchObject({ encryption: "undecryptable", eventId: member.event_id });
  expect([...port.stickyEvents(roomId)]).toEqual(told);
});

test("a room that holds nothing but an undecryptable event is one that holds something, whoever listens", async () => {
  const { ours, member } = await encryptedMembership();
  const port = fromMatrixClient(ours.client);
  expect([...port.rooms({ withStateOf: memberType })]).toEqual([]);
  await ours.syncs.take(inRoom({ timeline: [member] }));
  expect([...port.rooms({ withStateOf: memberType })]).toEqual([roomId]);
  const { port: listening, told } = listen(ours);
  await eventually(() => told.length).toBe(1);
  expect([...listening.rooms({ withStateOf: memberType })]).toEqual([roomId]);
});

test("an encrypted event of a gappy sync is decrypted, though the client has given it up", async () => {
  const { ours, member } = await encryptedMembership();
  const { told } = listen(ours);
  const gap = { limited: true, timeline: [event("m.room.message", { body: "x" })], sticky: [member] };
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom(gap) });
  await eventually(() => told.map(({ encryption }) => encryption)).toEqual(["decrypted"]);
  expect(told[0]).toMatchObject({ eventId: member.event_id, content: { msc4354_sticky_key: "m1" } });
});

test("an encrypted event that nobody else decrypts is decrypted", async () => {
  const { ours, member } = await encryptedMembership();
  const { told } = listen(ours);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice) });
  const mapper = ours.client.getEventMapper({ decrypt: false });
  ours.client.emit(ClientEvent.Event, mapper({ ...member, room_id: roomId }));
  await eventually(() => told.map(({ encryption }) => encryption)).toEqual(["decrypted"]);
});

const nameless = {
  slot_id: "m.call#ROOM",
  application: { type: "m.call" },
  member: { id: "m1", membership: "join" },
  msc4354_sticky_key: "m1",
};

test("the device is named where the membership does not name it, and who watches sees the member then", async () => {
  const { ours, member } = await encryptedMembership(nameless);
  const { port, told } = listen(ours);
  const session = rtcSession(port, { roomId, slot: "m.call#ROOM" });
  const watching = session.membership$.subscribe();
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom({ timeline: [member] }) });
  await eventually(() => told.at(-1)?.senderDeviceId).toBe("BOB1");
  await eventually(() => session.membership$.value.map(({ deviceId }) => deviceId)).toEqual(["BOB1"]);
  watching.unsubscribe();
});

test("a device that could not be found out is looked for again once the client is in touch again", async () => {
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
  const { told } = listen({ client } as FakeClient);

  const event = new MatrixEvent({ ...sticky({}, bob, "m.room.encrypted"), room_id: roomId });
  await event.attemptDecryption(crypto as never);
  room._unstable_addStickyEvents([event]);
  client.emit(ClientEvent.Event, event);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told.length, getUserDeviceInfo.mock.calls.length]).toEqual([1, 4]);

  const device = { deviceId: "BOB1", getIdentityKey: () => "key-of-BOB1" };
  getUserDeviceInfo.mockResolvedValue(new Map([[bob, new Map([["BOB1", device]])]]));
  client.emit(ClientEvent.Sync, SyncState.Syncing, SyncState.Reconnecting);
  await vi.advanceTimersByTimeAsync(0);
  expect(told.map(({ senderDeviceId }) => senderDeviceId)).toEqual([undefined, "BOB1"]);
});

test("a room keeps the newest 5,000 events", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, told } = listen(fake);
  const many = Array.from({ length: 5_010 }, (_, i) => sticky({ msc4354_sticky_key: "m1" }, `@user${i}:example.org`));
  for (const each of many) fake.client.emit(ClientEvent.Event, new MatrixEvent({ ...each, room_id: roomId }));
  await Promise.resolve();
  expect(told).toHaveLength(5_010);
  const held = [...port.stickyEvents(roomId)];
  expect(held).toHaveLength(5_000);
  expect(held[0]?.eventId).toBe(many[10].event_id);
});
