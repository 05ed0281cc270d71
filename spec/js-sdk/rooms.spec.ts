import { Room } from "matrix-js-sdk";
import { lastValueFrom, type Observable, toArray } from "rxjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RoomChange } from "../../src/matrix.ts";
import { RtcError } from "../../src/errors.ts";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { alice, bob, encrypted, joined, roomId, roomState, stateEvent, stateType, sticky } from "./events.ts";
import { eventually, FakeServer, refusal } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => server.stop());

const all = <T>(source: Observable<T>): Promise<T[]> => lastValueFrom(source.pipe(toArray()));

test("the port has the user id and device id of the client", () => {
  expect(fromMatrixClient(server.client(bob, "BOB1").client)).toMatchObject({ userId: bob, deviceId: "BOB1" });
});

test("a client that is not logged in is rejected at once", () => {
  const { client } = server.client();
  client.deviceId = null;
  expect(() => fromMatrixClient(client)).toThrow(RtcError);
});

test("hasRoom knows rooms with any membership, and rooms() lists those that we have joined", async () => {
  const { client } = await server.started({
    join: { [roomId]: { state: roomState(alice) }, "!left:x": { state: roomState(bob) } },
  });
  const port = fromMatrixClient(client);
  expect([...port.rooms()]).toEqual([roomId]);
  expect([roomId, "!left:x", "!other:x"].map((id) => port.hasRoom(id))).toEqual([true, true, false]);
});

test("rooms() with a state type lists the rooms with such state, and those with sticky events", async () => {
  const { client } = await server.started({
    join: {
      "!idle:x": { state: roomState(alice) },
      "!state:x": { state: [...roomState(alice), stateEvent(stateType, "_a", {})] },
      "!sticky:x": { state: roomState(alice), timeline: [sticky()] },
    },
  });
  const port = fromMatrixClient(client);
  expect([...port.rooms()]).toEqual(["!idle:x", "!state:x", "!sticky:x"]);
  expect([...port.rooms({ withStateOf: stateType })]).toEqual(["!state:x", "!sticky:x"]);
});

test("state is read by key and by type", async () => {
  const [mine, theirs] = [stateEvent(stateType, "_a", { a: 1 }), stateEvent(stateType, "_b", { b: 2 }, bob)];
  const { client } = await server.started({ join: { [roomId]: { state: [...roomState(alice, bob), mine, theirs] } } });
  const port = fromMatrixClient(client);
  expect(port.stateEvent(roomId, stateType, "_b")).toEqual({
    type: stateType,
    stateKey: "_b",
    sender: bob,
    eventId: theirs.event_id,
    originServerTs: theirs.origin_server_ts,
    content: { b: 2 },
  });
  expect([...port.stateEvents(roomId, stateType)].map(({ stateKey }) => stateKey)).toEqual(["_a", "_b"]);
  const [first] = port.stateEvents(roomId, stateType);
  expect(first).toEqual(port.stateEvent(roomId, stateType, "_a"));
  expect(first?.content).toBe(port.stateEvent(roomId, stateType, "_a")?.content);
});

test("an unknown room reads as empty", () => {
  const port = fromMatrixClient(server.client().client);
  expect([...port.rooms()]).toEqual([]);
  expect(port.stateEvent(roomId, stateType, "")).toBeUndefined();
  expect([...port.stateEvents(roomId, stateType)]).toEqual([]);
  expect([...port.stickyEvents(roomId)]).toEqual([]);
});

test("state is read from the current Room object, not from the one that it replaced", async () => {
  const { client } = await server.started({
    join: { [roomId]: { state: [...roomState(alice), stateEvent(stateType, "_a", { a: 1 })] } },
  });
  const port = fromMatrixClient(client);
  expect(port.stateEvent(roomId, stateType, "_a")?.content).toEqual({ a: 1 });
  const replacement = new Room(roomId, client, alice);
  const event = { ...stateEvent(stateType, "_a", { a: 2 }), room_id: roomId };
  replacement.currentState.setStateEvents([client.getEventMapper()(event)]);
  client.store.storeRoom(replacement);
  expect(port.stateEvent(roomId, stateType, "_a")?.content).toEqual({ a: 2 });
});

test("a malformed event is read without throwing", async () => {
  const odd = { type: stateType, state_key: "_a", content: null, origin_server_ts: "now" };
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  client.getRoom(roomId)?.currentState.setStateEvents([client.getEventMapper()({ ...odd, room_id: roomId } as object)]);
  expect(fromMatrixClient(client).stateEvent(roomId, stateType, "_a")).toEqual({
    type: stateType,
    stateKey: "_a",
    sender: "",
    eventId: "",
    originServerTs: 0,
    content: {},
  });
});

test("a member that a lazy client does not know is loaded, and a change of the room follows", async () => {
  server.on("GET", "/members", () => ({ chunk: joined(alice, bob) }));
  const { client } = await server.started(
    { join: { [roomId]: { state: roomState(alice) } } },
    { lazyLoadMembers: true },
  );
  const port = fromMatrixClient(client);
  expect(port.stateEvent(roomId, "m.room.member", bob)).toBeUndefined();
  expect(server.sent("GET", "/members")).toEqual([]);

  const batches: (readonly RoomChange[])[] = [];
  const subscription = port.changes$.subscribe((change) => batches.push(change));
  expect(port.stateEvent(roomId, "m.room.member", bob)).toBeUndefined();
  expect(port.stateEvent(roomId, "m.room.member", "@carol:example.org")).toBeUndefined();
  await eventually(() => batches).toEqual([[{ kind: "room", roomId }]]);
  expect(port.stateEvent(roomId, "m.room.member", bob)?.content).toEqual({ membership: "join" });
  expect(port.stateEvent(roomId, "m.room.member", "@carol:example.org")).toBeUndefined();
  expect(server.sent("GET", "/members")).toHaveLength(1);
  subscription.unsubscribe();
});

test("members that could not be loaded are requested again once the connection is back", async () => {
  server.on("GET", "/members", () => refusal(502, "M_UNKNOWN"));
  const { client, syncs } = await server.started(
    { join: { [roomId]: { state: roomState(alice) } } },
    { lazyLoadMembers: true },
  );
  const port = fromMatrixClient(client);
  const subscription = port.changes$.subscribe(() => port.stateEvent(roomId, "m.room.member", bob));
  port.stateEvent(roomId, "m.room.member", bob);
  await syncs.take({ join: { [roomId]: { timeline: [encrypted] } } });
  expect(server.sent("GET", "/members")).toHaveLength(1);
  syncs.fail();
  await eventually(() => client.getSyncState()).toBe("RECONNECTING");
  server.on("GET", "/members", () => ({ chunk: joined(alice, bob) }));
  client.retryImmediately();
  await syncs.take();
  await eventually(() => port.stateEvent(roomId, "m.room.member", bob)?.content).toEqual({ membership: "join" });
  subscription.unsubscribe();
});

const bobJoined = { membership: "join" };

test("loadMember requests the membership of a user that a gappy sync has not brought, and a change follows", async () => {
  const member = stateEvent("m.room.member", bob, bobJoined, bob);
  server.on("GET", "/state/m.room.member/", () => member);
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  const port = fromMatrixClient(client);
  const batches: (readonly RoomChange[])[] = [];
  const subscription = port.changes$.subscribe((change) => batches.push(change));
  expect(port.stateEvent(roomId, "m.room.member", bob)).toBeUndefined();
  expect(await all(port.loadMember!(roomId, bob))).toEqual([]);
  expect(server.sent("GET", "/state/m.room.member/")[0]?.url.search).toBe("?format=event");
  expect(batches).toEqual([[{ kind: "state", roomId, type: "m.room.member", stateKey: bob }]]);
  expect(port.stateEvent(roomId, "m.room.member", bob)).toMatchObject({
    eventId: member.event_id,
    sender: bob,
    content: bobJoined,
  });
  subscription.unsubscribe();
});

test("loadMember reads a response that has only the content of the event", async () => {
  server.on("GET", "/state/m.room.member/", () => bobJoined);
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  const port = fromMatrixClient(client);
  await all(port.loadMember!(roomId, bob));
  expect(port.stateEvent(roomId, "m.room.member", bob)).toMatchObject({ sender: bob, content: bobJoined });
});

test("loadMember does not replace a membership that arrived meanwhile", async () => {
  const answer = Promise.withResolvers<object>();
  server.on("GET", "/state/m.room.member/", () => answer.promise);
  const { client, syncs } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  const port = fromMatrixClient(client);
  const loading = all(port.loadMember!(roomId, bob));
  const left = stateEvent("m.room.member", bob, { membership: "leave" }, bob);
  await syncs.take({ join: { [roomId]: { timeline: [left] } } });
  answer.resolve(stateEvent("m.room.member", bob, bobJoined, bob));
  await loading;
  expect(port.stateEvent(roomId, "m.room.member", bob)?.content).toEqual({ membership: "leave" });
});

test("loadMember completes without a change for a user who was never in the room", async () => {
  server.on("GET", "/state/m.room.member/", () => refusal(404, "M_NOT_FOUND"));
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  const port = fromMatrixClient(client);
  expect(await all(port.loadMember!(roomId, bob))).toEqual([]);
  expect(port.stateEvent(roomId, "m.room.member", bob)).toBeUndefined();
});

test("loadMember fails if the server is in trouble, and for a malformed response", async () => {
  server.on("GET", "/state/m.room.member/", () => new Response("not found", { status: 404 }));
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  const port = fromMatrixClient(client);
  await expect(all(port.loadMember!(roomId, bob))).rejects.toMatchObject({ kind: "network" });
  server.on("GET", "/state/m.room.member/", () => ({ content: "odd" }));
  await expect(all(port.loadMember!(roomId, bob))).rejects.toMatchObject({ kind: "other" });
});
