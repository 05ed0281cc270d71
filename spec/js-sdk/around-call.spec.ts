// The optional abilities of the port over a real matrix-js-sdk client: timelines, typing, receipts, presence, redactions.
import type { ClientEvent } from "matrix-js-sdk";
import { lastValueFrom, type Observable } from "rxjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EphemeralEvent, TimelineChange } from "../../src/matrix.ts";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { matrixRoom, presenceOf } from "../../src/room/index.ts";
import {
  alice,
  bob,
  encrypted,
  event,
  joined,
  memberType,
  redaction,
  roomId,
  roomState,
  stateEvent,
  sticky,
} from "./events.ts";
import { eventually, type FakeClient, FakeServer, type SyncedRoom } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => server.stop());

const inRoom = (change: SyncedRoom) => ({ join: { [roomId]: change } });
const message = (body: string, sender = bob) => event("m.room.message", { msgtype: "m.text", body }, sender);
const listenersOf = ({ client }: FakeClient) =>
  client.eventNames().reduce((sum, name) => sum + client.listenerCount(name as ClientEvent), 0);

/** A port whose timeline of the room is listened to, and the changes of it in words. */
function following(fake: FakeClient) {
  const port = fromMatrixClient(fake.client);
  const batches: string[] = [];
  const wordOf = (change: TimelineChange) =>
    change.kind === "gap" ? "gap" : `${(change.event.content as { body?: string }).body ?? change.event.type}`;
  const subscription = port.timeline$!.subscribe((batch) => batches.push(batch.map(wordOf).join(" ")));
  const held = () => Array.from(port.timeline!(roomId), ({ content }) => (content as { body?: string }).body);
  held();
  return { port, batches, held, subscription };
}

test("a timeline is what the client holds, without state, and what one sync response adds is one batch", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob), timeline: [message("before")] }));
  const { batches, held } = following(fake);
  expect(held()).toEqual(["before"]);
  await fake.syncs.take(
    inRoom({ timeline: [message("one"), stateEvent("m.room.topic", "", { topic: "x" }), message("two")] }),
  );
  await eventually(() => batches).toEqual(["one two"]);
  expect(held()).toEqual(["before", "one", "two"]);
});

test("an event is the same object at each reading, until it is redacted", async () => {
  const hi = message("hi");
  const fake = await server.started(inRoom({ state: roomState(alice, bob), timeline: [hi] }));
  const { port } = following(fake);
  const [first] = port.timeline!(roomId);
  expect([...port.timeline!(roomId)][0]).toBe(first);
  await fake.syncs.take(inRoom({ timeline: [redaction(hi.event_id)] }));
  const [redacted, because] = port.timeline!(roomId);
  expect(redacted).toMatchObject({
    eventId: hi.event_id,
    content: {},
    unsigned: { redacted_because: { sender: alice } },
  });
  expect(because).toMatchObject({ type: "m.room.redaction", redacts: hi.event_id });
  expect(redacted).not.toBe(first);
});

test.each([
  ["in the clear", () => clear("rude")],
  ["encrypted", () => encryptedMessage("rude")],
])("a message %s that is redacted while it is shown is shown as redacted, with the reason", async (_, prepare) => {
  const { ours, wire } = await prepare();
  const { port, batches } = following(ours);
  const room = matrixRoom(port, roomId);
  const seen: string[] = [];
  room.messages$.subscribe(([first]) => {
    if (first) seen.push(first.status === "redacted" ? `${first.redaction.reason}` : first.status);
  });
  await ours.syncs.take({ toDevice: server.takeToDevice(alice), ...inRoom({ timeline: [wire] }) });
  await eventually(() => batches).toEqual(["rude"]);
  const because = { ...redaction(wire.event_id), content: { redacts: wire.event_id, reason: "be kind" } };
  await ours.syncs.take(inRoom({ timeline: [because] }));
  await eventually(() => seen).toEqual(["readable", "be kind"]);
});

test("a response with a gap starts the timeline again", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob), timeline: [message("lost")] }));
  const { batches, held } = following(fake);
  await fake.syncs.take(inRoom({ timeline: [message("after")], limited: true }));
  await eventually(() => batches).toEqual(["gap after"]);
  expect(held()).toEqual(["after"]);
});

test("what our device sends is in the timeline when the server has it, not before", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const { held } = following(fake);
  server.on("PUT", "/send/", () => new Promise(() => {}));
  void fake.client.sendTextMessage(roomId, "not yet").catch(() => {});
  await eventually(() => fake.client.getRoom(roomId)?.getLiveTimeline().getEvents().length).toBeGreaterThan(0);
  expect(held()).toEqual([]);
});

async function clear(body: string) {
  const ours = await server.started(inRoom({ state: roomState(alice, bob) }));
  return { ours, wire: message(body) };
}

async function encryptedMessage(body: string) {
  const room = inRoom({ state: [...roomState(alice, bob), encrypted] });
  const ours = await server.started(room, { crypto: true });
  const theirs = await server.started(room, { userId: bob, deviceId: "BOB1", crypto: true });
  await ours.syncs.take({ changedDevices: [bob] });
  await theirs.syncs.take({ changedDevices: [alice] });
  const content = { msgtype: "m.text", body };
  const port = fromMatrixClient(theirs.client);
  await lastValueFrom(port.send({ roomId, type: "m.room.message", content, txnId: "1" }));
  const { body: wire } = server.sent("PUT", "/send/m.room.encrypted/").at(-1) ?? {};
  return { ours, port, wire: event("m.room.encrypted", wire, bob) };
}

test("an encrypted message is emitted decrypted, in its place in the batch", async () => {
  const { ours, wire } = await encryptedMessage("secret");
  const { port, batches } = following(ours);
  await ours.syncs.take({
    toDevice: server.takeToDevice(alice),
    ...inRoom({ timeline: [message("a"), wire, message("b")] }),
  });
  await eventually(() => batches).toEqual(["a secret b"]);
  expect([...port.timeline!(roomId)].map(({ encryption }) => encryption)).toEqual([
    "cleartext",
    "decrypted",
    "cleartext",
  ]);
});

test("a message whose key comes late is undecryptable first, and emitted again when it is decrypted", async () => {
  const { ours, wire } = await encryptedMessage("secret");
  const { port, batches, held } = following(ours);
  const room = matrixRoom(port, roomId);
  const seen: string[] = [];
  room.messages$.subscribe((messages) =>
    seen.push(messages.map((each) => (each.status === "readable" ? each.content.body : each.status)).join(" ")),
  );
  await ours.syncs.take(inRoom({ timeline: [wire, message("b")] }));
  await eventually(() => batches).toEqual(["m.room.encrypted b"]);
  await ours.syncs.take({ toDevice: server.takeToDevice(alice) });
  await eventually(() => batches).toEqual(["m.room.encrypted b", "secret"]);
  expect(held()).toEqual(["secret", "b"]);
  expect(seen).toEqual(["", "undecryptable b", "secret b"]);
});

test("a reaction is sent in the clear in an encrypted room", async () => {
  const { port } = await encryptedMessage("hi");
  await lastValueFrom(matrixRoom(port, roomId).sendReaction("$1", "👍"));
  expect(server.sent("PUT", "/send/m.reaction/").at(-1)?.body).toEqual({
    "m.relates_to": { rel_type: "m.annotation", event_id: "$1", key: "👍" },
  });
});

test("a sticky event that cannot be decrypted is not in the timeline", async () => {
  const content = { algorithm: "m.megolm.v1.aes-sha2", ciphertext: "x", session_id: "y" };
  const member = sticky(content, bob, "m.room.encrypted");
  const fake = await server.started(inRoom({ state: roomState(alice, bob), timeline: [member, sticky()] }));
  const { port } = following(fake);
  expect([...port.timeline!(roomId)].map(({ type }) => type)).toEqual([memberType]);
});

test("only the timelines of rooms that were read are followed, and the listeners go with the last subscriber", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const before = listenersOf(fake);
  const { batches, subscription } = following(fake);
  await fake.syncs.take({
    join: {
      [roomId]: { timeline: [message("here")] },
      "!other:example.org": { state: roomState(alice), timeline: [message("there")] },
    },
  });
  await eventually(() => batches).toEqual(["here"]);
  expect(listenersOf(fake)).toBe(before + 5);
  subscription.unsubscribe();
  expect(listenersOf(fake)).toBe(before);
});

test("typing and presence are emitted, and known to one who asks later", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const port = fromMatrixClient(fake.client);
  const events: EphemeralEvent[] = [];
  const before = listenersOf(fake);
  const subscription = port.ephemeral$!.subscribe((each) => events.push(each));
  const typing = { type: "m.typing", content: { user_ids: [bob] } };
  const online = {
    type: "m.presence",
    sender: bob,
    content: { presence: "online", last_active_ago: 1000, status_msg: "hi" },
  };
  await fake.syncs.take({ presence: [online], ...inRoom({ ephemeral: [typing] }) });
  expect(events).toEqual([
    { type: "m.presence", sender: bob, content: online.content },
    { type: "m.typing", roomId, content: { user_ids: [bob] } },
  ]);
  expect(port.ephemeral!("m.typing", roomId)).toEqual({ user_ids: [bob] });
  expect(matrixRoom(port, roomId).typing$.value).toEqual([bob]);
  expect(presenceOf(port, bob).value).toMatchObject({ presence: "online", statusMessage: "hi" });
  expect(presenceOf(port, alice).value.presence).toBe("unknown");
  subscription.unsubscribe();
  expect(listenersOf(fake)).toBe(before);
});

test("receipts are emitted, and known to one who asks later", async () => {
  const hi = message("hi", alice);
  const fake = await server.started(inRoom({ state: roomState(alice, bob), timeline: [hi] }));
  const port = fromMatrixClient(fake.client);
  const content = { [hi.event_id]: { "m.read": { [bob]: { ts: 5 } } } };
  await fake.syncs.take(inRoom({ ephemeral: [{ type: "m.receipt", content }] }));
  expect(matrixRoom(port, roomId).receipts$.value).toEqual([
    { type: "read", userId: bob, eventId: hi.event_id, ts: 5, threadId: undefined },
  ]);
});

test("a room is named by its state, and renamed", async () => {
  const fake = await server.started(inRoom({ state: [...roomState(alice), ...joined(bob)] }));
  const room = matrixRoom(fromMatrixClient(fake.client), roomId);
  const names: string[] = [];
  room.name$.subscribe((name) => names.push(name));
  const named = stateEvent("m.room.name", "", { name: "Kitchen" });
  await fake.syncs.take(inRoom({ timeline: [named] }));
  await fake.syncs.take(inRoom({ timeline: [redaction(named.event_id)] }));
  expect(names).toEqual([bob, "Kitchen", bob]);
});

test("a name and a picture that came beside the timeline go when they are redacted, and so does a member's name", async () => {
  const state = [
    stateEvent("m.room.name", "", { name: "Rude" }),
    stateEvent("m.room.avatar", "", { url: "mxc://x/rude" }),
    stateEvent("m.room.member", bob, { membership: "join", displayname: "Rude" }, bob),
  ];
  const fake = await server.started(inRoom({ state: [...roomState(alice), ...state] }));
  const room = matrixRoom(fromMatrixClient(fake.client), roomId);
  const profile$ = room.profile$(bob);
  const shown = () => [room.name$.value, room.avatar$.value, profile$.value.name];
  for (const each$ of [room.name$, room.avatar$, profile$]) (each$ as Observable<unknown>).subscribe();
  expect(shown()).toEqual(["Rude", "mxc://x/rude", "Rude"]);
  await fake.syncs.take(inRoom({ timeline: state.map(({ event_id }) => redaction(event_id)) }));
  await eventually(shown).toEqual([bob, undefined, bob]);
});

test("members of a client that loads them lazily are loaded for members$", async () => {
  server.on("GET", "/members", () => ({ chunk: joined(alice, bob) }));
  const fake = await server.started(inRoom({ state: roomState(alice) }), { lazyLoadMembers: true });
  const room = matrixRoom(fromMatrixClient(fake.client), roomId);
  const counts: number[] = [];
  room.members$.subscribe((members) => counts.push(members.length));
  await eventually(() => counts).toEqual([1, 2]);
});

test("redactions, typing and receipts are requests of the client-server API", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const port = fromMatrixClient(fake.client);
  server.on("PUT", "/redact/", () => ({ event_id: "$r" }));
  server.on("PUT", "/typing/", () => ({}));
  server.on("POST", "/receipt/", () => ({}));
  expect(await lastValueFrom(port.redactEvent!(roomId, "$1", { txnId: "t", reason: "spam" }))).toBe("$r");
  await lastValueFrom(port.sendTyping!(roomId, true, 30_000), { defaultValue: undefined });
  await lastValueFrom(port.sendTyping!(roomId, false, 30_000), { defaultValue: undefined });
  await lastValueFrom(port.sendReceipt!(roomId, "$1"), { defaultValue: undefined });
  const path = `/_matrix/client/v3/rooms/${roomId}`;
  const sent = server.requests.slice(-4).map(({ method, path: to, body }) => [method, to, body]);
  expect(sent).toEqual([
    ["PUT", `${path}/redact/$1/t`, { reason: "spam" }],
    ["PUT", `${path}/typing/${alice}`, { typing: true, timeout: 30_000 }],
    ["PUT", `${path}/typing/${alice}`, { typing: false }],
    ["POST", `${path}/receipt/m.read/$1`, {}],
  ]);
});
