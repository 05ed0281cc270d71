import { firstValueFrom } from "rxjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MatrixError, type TimelineArrival } from "../../src/matrix.ts";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { alice, bob, encrypted, event, roomId, roomState } from "./events.ts";
import { eventually, type FakeClient, FakeServer, refusal, type SyncedRoom } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => server.stop());

const types = ["m.call.invite", "m.call.hangup"];
const inRoom = (change: SyncedRoom) => ({ join: { [roomId]: change } });
const aged = (type: string, age: unknown, content = {}) => ({ ...event(type, content, bob), unsigned: { age } });

function listen({ client }: FakeClient) {
  const batches: (readonly TimelineArrival[])[] = [];
  const subscription = fromMatrixClient(client).timelineEvents!(types).subscribe((batch) => batches.push(batch));
  const words = () => batches.map((batch) => batch.map(({ event: { type } }) => type.replace("m.call.", "")).join());
  return { batches, subscription, words };
}

test("the wanted events of a sync response are one batch, with their age by the server", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const { batches, words } = listen(fake);
  const timeline = [aged("m.call.invite", 1_000), aged("m.room.message", 5), aged("m.call.hangup", 0)];
  await fake.syncs.take(inRoom({ timeline }));
  await eventually(words).toEqual(["invite,hangup"]);
  const [invite, hangup] = batches[0]!;
  expect(invite).toMatchObject({ roomId, event: { sender: bob, encryption: "cleartext" } });
  expect(invite!.ageMs).toBeGreaterThanOrEqual(1_000);
  expect(invite!.ageMs).toBeLessThan(3_000);
  // The SDK reads an age of 0 as undefined.
  expect(hangup!.ageMs).toBeLessThan(2_000);
});

test("an event whose age the server does not say has none", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const { batches, words } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [aged("m.call.invite", undefined)] }));
  await eventually(words).toEqual(["invite"]);
  expect(batches[0]![0]!.ageMs).toBeUndefined();
});

test("recent events that the client has already come first, and old ones do not come", async () => {
  const timeline = [aged("m.call.invite", 700_000), aged("m.call.invite", 5_000)];
  const fake = await server.started(inRoom({ state: roomState(alice, bob), timeline }));
  const { batches, words } = listen(fake);
  await eventually(words).toEqual(["invite"]);
  expect(batches[0]![0]!.ageMs).toBeLessThan(10_000);
});

test("nothing comes before the client is in sync: something may have ended a call meanwhile (voip 11)", async () => {
  const fake = server.client();
  const { words } = listen(fake);
  await fake.client.startClient();
  expect(words()).toEqual([]);
  const timeline = [aged("m.call.invite", 5_000), aged("m.call.hangup", 4_000)];
  await fake.syncs.take(inRoom({ state: roomState(alice, bob), timeline }));
  await eventually(words).toEqual(["invite,hangup"]);
});

test("events of an encrypted room come decrypted, in one batch with the others of their response (voip 10)", async () => {
  const room = inRoom({ state: [...roomState(alice, bob), encrypted] });
  const ours = await server.started(room, { crypto: true });
  const theirs = await server.started(room, { userId: bob, deviceId: "BOB1", crypto: true });
  await ours.syncs.take({ changedDevices: [bob] });
  await theirs.syncs.take();
  const port = fromMatrixClient(theirs.client);
  for (const type of types) await firstValueFrom(port.send({ roomId, type, txnId: type, content: { call_id: "c" } }));
  const timeline = server
    .sent("PUT", "/send/m.room.encrypted/")
    .map(({ body }) => event("m.room.encrypted", body, bob));
  const { batches, words } = listen(ours);
  await ours.syncs.take({ ...inRoom({ timeline }), toDevice: server.takeToDevice(alice) });
  await eventually(words).toEqual(["invite,hangup"]);
  expect(batches[0]![0]!.event).toMatchObject({ encryption: "decrypted", content: { call_id: "c" } });
});

test("an event whose key comes late comes alone, once", async () => {
  const room = inRoom({ state: [...roomState(alice, bob), encrypted] });
  const ours = await server.started(room, { crypto: true });
  const theirs = await server.started(room, { userId: bob, deviceId: "BOB1", crypto: true });
  await ours.syncs.take({ changedDevices: [bob] });
  await theirs.syncs.take();
  const port = fromMatrixClient(theirs.client);
  await firstValueFrom(port.send({ roomId, type: "m.call.invite", txnId: "1", content: {} }));
  const { body } = server.sent("PUT", "/send/m.room.encrypted/").at(-1)!;
  const { words } = listen(ours);
  await ours.syncs.take(inRoom({ timeline: [{ ...event("m.room.encrypted", body, bob), unsigned: { age: 1 } }] }));
  expect(words()).toEqual([]);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice) });
  await eventually(words).toEqual(["invite"]);
});

test("it adds three listeners to the client, and removes them", async () => {
  const fake = await server.started();
  const count = () => fake.client.eventNames().reduce((sum, name) => sum + fake.client.listenerCount(name as never), 0);
  const before = count();
  const { subscription } = listen(fake);
  expect(count() - before).toBe(3);
  subscription.unsubscribe();
  expect(count() - before).toBe(0);
});

test("relay servers are asked for as the specification says", async () => {
  const fake = await server.started();
  const answer = { uris: ["turn:t.example"], username: "u", password: "p", ttl: 60 };
  server.on("GET", "/voip/turnServer", () => answer);
  expect(await firstValueFrom(fromMatrixClient(fake.client).turnServer!())).toEqual(answer);
  server.on("GET", "/voip/turnServer", () => refusal(403, "M_FORBIDDEN"));
  const failed = firstValueFrom(fromMatrixClient(fake.client).turnServer!());
  await expect(failed).rejects.toMatchObject({ kind: "forbidden" } satisfies Partial<MatrixError>);
});
