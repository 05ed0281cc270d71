import { type ClientEvent, MatrixEvent } from "matrix-js-sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { lastValueFrom, type Subscription } from "rxjs";
import type { RoomChange } from "../../src/matrix.ts";
import { encryptedSession, type EncryptedSession } from "../../src/encryption/index.ts";
import { fromMatrixClient, type MatrixClientPort } from "../../src/js-sdk/index.ts";
import { alice, bob, event, joined, redaction, roomId, roomState, stateEvent, stateType, sticky } from "./events.ts";
import { eventually, type FakeClient, FakeServer, refusal } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => server.stop());

function listen({ client }: FakeClient) {
  const port = fromMatrixClient(client);
  const batches: (readonly RoomChange[])[] = [];
  const subscription: Subscription = port.changes$.subscribe((change) => batches.push(change));
  return { port, batches, subscription };
}

const inRoom = (change: object) => ({ join: { [roomId]: change } });
const listenersOf = ({ client }: FakeClient) =>
  client.eventNames().reduce((sum, name) => sum + client.listenerCount(name as ClientEvent), 0);

test("the changes of one sync response are one batch, emitted after the client has processed the response", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const { port, batches } = listen(fake);
  const seen: unknown[] = [];
  port.changes$.subscribe(() => {
    seen.push([...port.stateEvents(roomId, stateType)].length, [...port.stickyEvents(roomId)].length);
  });
  const member = sticky();
  await fake.syncs.take(
    inRoom({
      timeline: [
        stateEvent(stateType, "_alice", { application: "m.call" }),
        stateEvent(stateType, "_bob", { application: "m.call" }, bob),
        event("m.room.message", { body: "hello", msgtype: "m.text" }),
        stateEvent("m.room.pinned_events", "", { pinned: [] }),
        member,
      ],
    }),
  );
  expect(batches).toEqual([
    [
      { kind: "state", roomId, type: stateType, stateKey: "_alice" },
      { kind: "state", roomId, type: stateType, stateKey: "_bob" },
      { kind: "sticky", roomId, event: expect.objectContaining({ eventId: member.event_id, encryption: "cleartext" }) },
    ],
  ]);
  expect(seen).toEqual([2, 1]);
});

test("a sync response without relevant events emits nothing", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { batches } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [event("m.room.message", { body: "hello", msgtype: "m.text" })] }));
  expect(batches).toEqual([]);
});

test("state in a MSC4222 sync response is emitted once", async () => {
  const fake = await server.started(inRoom({ stateAfter: roomState(alice) }));
  const { batches } = listen(fake);
  const change = stateEvent(stateType, "_alice", { application: "m.call" });
  await fake.syncs.take(inRoom({ stateAfter: [change], timeline: [change] }));
  expect(batches).toEqual([[{ kind: "state", roomId, type: stateType, stateKey: "_alice" }]]);
});

test("a subscriber from before the client starts gets the rooms of the first sync", async () => {
  const fake = server.client();
  const { port, batches } = listen(fake);
  await fake.client.startClient();
  await fake.syncs.take(inRoom({ state: roomState(alice), timeline: [sticky()] }));
  expect(batches).toHaveLength(1);
  expect(batches[0]).toContainEqual({ kind: "room", roomId });
  expect(batches[0]?.filter(({ kind }) => kind === "state")).toEqual([]);
  expect([...port.rooms()]).toEqual([roomId]);
});

test("a new room is emitted once it can be read, although its events arrive before it", async () => {
  const fake = await server.started();
  const { port, batches } = listen(fake);
  expect(port.hasRoom(roomId)).toBe(false);
  await fake.syncs.take(
    inRoom({ state: [...roomState(alice), stateEvent(stateType, "_alice", { application: "m.call" })] }),
  );
  expect(batches).toEqual([[{ kind: "room", roomId }]]);
  expect(port.stateEvent(roomId, stateType, "_alice")?.content).toEqual({ application: "m.call" });
});

test("joining or leaving a room ourselves is a change of the whole room", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, batches } = listen(fake);
  const gone = stateEvent("m.room.member", alice, { membership: "leave" });
  await fake.syncs.take({ leave: { [roomId]: { timeline: [gone] } } });
  expect(batches).toEqual([[{ kind: "room", roomId }]]);
  expect([...port.rooms()]).toEqual([]);
  await fake.syncs.take(inRoom({ timeline: joined(alice) }));
  expect([...port.rooms()]).toEqual([roomId]);
});

test("a change of another room member is a state change", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, batches } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: joined(bob) }));
  expect(batches).toEqual([[{ kind: "state", roomId, type: "m.room.member", stateKey: bob }]]);
  expect(port.stateEvent(roomId, "m.room.member", bob)?.content).toEqual({ membership: "join" });
});

test("a change outside a sync response is emitted at once", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { batches } = listen(fake);
  const room = fake.client.getRoom(roomId);
  const mapper = fake.client.getEventMapper();
  for (const key of ["_1", "_2"])
    room?.currentState.setStateEvents([
      mapper({ ...stateEvent(stateType, key, { application: "m.call" }), room_id: roomId }),
    ]);
  expect(batches).toEqual([]);
  await Promise.resolve();
  expect(batches).toEqual([["_1", "_2"].map((stateKey) => ({ kind: "state", roomId, type: stateType, stateKey }))]);
});

test("an empty batch is emitted when a failed sync resumes, after the changes that it brings", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { batches } = listen(fake);
  fake.syncs.fail();
  await eventually(() => fake.client.getSyncState()).toBe("RECONNECTING");
  fake.client.retryImmediately();
  await fake.syncs.take(inRoom({ timeline: [stateEvent(stateType, "_1", { application: "m.call" })] }));
  expect(batches).toEqual([[{ kind: "state", roomId, type: stateType, stateKey: "_1" }], []]);
});

test.each([
  ["answers", 1, () => ({ event_id: "$new" })],
  ["answers with an error", 1, () => refusal(403, "M_FORBIDDEN")],
  ["is out of reach behind its proxy", 0, () => new Response("Bad Gateway", { status: 502 })],
])(
  "while the SDK waits to sync again, a request of ours that the server %s ends the wait %i times",
  async (_, times, answer) => {
    const fake = await server.started(inRoom({ state: roomState(alice) }));
    server.on("PUT", "/state/", answer);
    const { port } = listen(fake);
    const retried = vi.spyOn(fake.client, "retryImmediately");
    const send = () =>
      lastValueFrom(port.send({ roomId, type: stateType, stateKey: "_1", content: {} })).catch(() => undefined);
    await send();
    expect(retried).toHaveBeenCalledTimes(0);
    fake.syncs.fail();
    await eventually(() => fake.client.getSyncState()).toBe("RECONNECTING");
    await send();
    expect(retried).toHaveBeenCalledTimes(times);
  },
);

const outage = () => Promise.reject(new TypeError("fetch failed"));
const sendTo = (port: Pick<MatrixClientPort, "send">) =>
  lastValueFrom(port.send({ roomId, type: stateType, stateKey: "_1", content: {} })).catch(() => undefined);

test.each([
  ["believes to sync", async () => {}],
  [
    "has asked the server in vain whether it is there",
    async ({ client }: FakeClient) => {
      server.once("GET", "/versions", outage);
      // The SDK does this when a browser says that it is online.
      (client as unknown as { syncApi: { startKeepAlives(delay: number): void } }).syncApi.startKeepAlives(0);
      await eventually(() => client.getSyncState()).toBe("ERROR");
    },
  ],
])("a sync that hangs since an outage is given up when the server answers, if the SDK %s", async (_, happens) => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, batches } = listen(fake);
  const syncs = () => server.sent("GET", "/sync").length;
  const before = syncs();
  server.once("PUT", "/state/", outage);
  await sendTo(port);
  await happens(fake);
  expect(syncs()).toBe(before);
  await sendTo(port);
  await eventually(syncs).toBe(before + 1);
  // The next one may only be slow.
  server.once("PUT", "/state/", outage);
  await sendTo(port);
  await sendTo(port);
  await fake.syncs.take();
  expect(syncs()).toBe(before + 2);
  expect(batches).toEqual([[]]);
});

test("a sync that was answered after an outage is not given up", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { port, batches } = listen(fake);
  server.once("PUT", "/state/", outage);
  await sendTo(port);
  await fake.syncs.take();
  const before = server.sent("GET", "/sync").length;
  await sendTo(port);
  await fake.syncs.take();
  expect(server.sent("GET", "/sync").length).toBe(before + 1);
  expect(batches).toEqual([]);
});

test("five listeners serve all rooms and all subscribers, and are removed with the last subscriber", async () => {
  const rooms = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`!${i}:x`, { state: roomState(alice) }]));
  const fake = await server.started({ join: rooms });
  const before = listenersOf(fake);
  const { port, subscription } = listen(fake);
  const second = port.changes$.subscribe();
  expect(listenersOf(fake) - before).toBe(5);
  const third = port.toDevice$.subscribe();
  expect(listenersOf(fake) - before).toBe(6);
  for (const each of [subscription, second, third]) each.unsubscribe();
  expect(listenersOf(fake) - before).toBe(0);
  const again = port.changes$.subscribe();
  expect(listenersOf(fake) - before).toBe(5);
  again.unsubscribe();
  expect(listenersOf(fake) - before).toBe(0);
});

test("nothing is emitted after unsubscribing, not even a change that was collected before", async () => {
  const fake = await server.started(inRoom({ state: roomState(alice) }));
  const { batches, subscription } = listen(fake);
  const mapper = fake.client.getEventMapper();
  const late = mapper({ ...stateEvent(stateType, "_late", {}), room_id: roomId });
  fake.client.getRoom(roomId)?.currentState.setStateEvents([late]);
  subscription.unsubscribe();
  await Promise.resolve();
  await Promise.resolve();
  expect(batches).toEqual([]);
});

test("a redacted sticky event is emitted as a redaction and cannot be read any more", async () => {
  const member = sticky();
  const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
  const { port, batches } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [member] }));
  await fake.syncs.take(inRoom({ timeline: [redaction(member.event_id, bob)] }));
  expect(batches[1]).toEqual([{ kind: "redaction", roomId, eventId: member.event_id }]);
  expect([...port.stickyEvents(roomId)]).toEqual([]);
});

const membership = {
  slot_id: "m.call#ROOM",
  application: { type: "m.call" },
  member: { id: "m1", user_id: bob, device_id: "BOB1" },
  msc4354_sticky_key: "m1",
};

/** A sticky membership that was sent at an offset from now. */
const joins = (ms: number) => ({ ...sticky(membership), origin_server_ts: Date.now() + ms });

for (const section of ["timeline", "sticky"] as const) {
  test(`a redacted refresh leaves the earlier join readable for all, when it came in the ${section}`, async () => {
    const [first, second] = [joins(-2), joins(-1)];
    const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
    const { port, subscription } = listen(fake);
    const sessionOf = () => encryptedSession(port, { roomId, slot: "m.call#ROOM" });
    const idsIn = ({ membership$ }: EncryptedSession) => membership$.value.map(({ eventId }) => eventId);
    const watched = sessionOf();
    subscription.add(watched.membership$.subscribe());
    await fake.syncs.take(inRoom({ [section]: [first] }));
    await fake.syncs.take(inRoom({ [section]: [second] }));
    expect(idsIn(watched)).toEqual([second.event_id]);
    await fake.syncs.take(inRoom({ timeline: [redaction(second.event_id, bob)] }));
    expect([watched, sessionOf()].map(idsIn)).toEqual([[first.event_id], [first.event_id]]);
    subscription.unsubscribe();
    expect([watched, sessionOf()].map(idsIn)).toEqual([[first.event_id], [first.event_id]]);
  });

  test(`a redacted join does not return when its refresh is redacted too, when it came in the ${section}`, async () => {
    const [first, second] = [joins(-2), joins(-1)];
    const fake = await server.started(inRoom({ state: roomState(alice, bob) }));
    const { port } = listen(fake);
    await fake.syncs.take(inRoom({ [section]: [first] }));
    await fake.syncs.take(inRoom({ [section]: [second] }));
    for (const { event_id } of [first, second]) await fake.syncs.take(inRoom({ timeline: [redaction(event_id, bob)] }));
    expect([...port.stickyEvents(roomId)]).toEqual([]);
  });
}

test("a redaction of a message emits nothing", async () => {
  const message = event("m.room.message", { body: "oops", msgtype: "m.text" });
  const fake = await server.started(inRoom({ state: roomState(alice), timeline: [message] }));
  const { batches } = listen(fake);
  await fake.syncs.take(inRoom({ timeline: [redaction(message.event_id)] }));
  expect(batches).toEqual([]);
});

test("redacted state is empty and another object, inside and outside the timeline", async () => {
  const beside = stateEvent(stateType, "_beside", { application: "m.call" });
  const within = stateEvent(stateType, "_within", { application: "m.call" });
  const fake = await server.started(inRoom({ state: [...roomState(alice), beside], timeline: [within] }));
  const { port, batches } = listen(fake);
  for (const { state_key, event_id } of [beside, within]) {
    const before = port.stateEvent(roomId, stateType, state_key);
    expect(before?.content).toEqual({ application: "m.call" });
    await fake.syncs.take(inRoom({ timeline: [redaction(event_id)] }));
    expect(batches.at(-1)).toEqual([{ kind: "state", roomId, type: stateType, stateKey: state_key }]);
    const after = port.stateEvent(roomId, stateType, state_key);
    expect(after?.content).toEqual({});
    expect(after?.content).not.toBe(before?.content);
    expect(port.stateEvent(roomId, stateType, state_key)?.content).toBe(after?.content);
  }
});

const legacyMembership = {
  application: "m.call",
  call_id: "",
  device_id: "ALICE1",
  focus_active: { type: "livekit", focus_selection: "multi_sfu" },
  foci_preferred: [],
};

for (const section of ["state", "timeline"] as const) {
  test(`a redacted state membership leaves a watched and a new session alike, when it came in the ${section}`, async () => {
    const member = stateEvent(stateType, "_alice", legacyMembership);
    const fake = await server.started(inRoom({ state: roomState(alice) }));
    const { port } = listen(fake);
    const sessionOf = () => encryptedSession(port, { roomId, slot: "m.call#ROOM" });
    const usersIn = ({ membership$ }: EncryptedSession) => membership$.value.map(({ userId }) => userId);
    const watched = sessionOf();
    const watching = watched.membership$.subscribe();
    await fake.syncs.take(inRoom({ [section]: [member] }));
    expect([watched, sessionOf()].map(usersIn)).toEqual([[alice], [alice]]);
    await fake.syncs.take(inRoom({ timeline: [redaction(member.event_id)] }));
    expect([watched, sessionOf()].map(usersIn)).toEqual([[], []]);
    watching.unsubscribe();
  });
}

test("our own redaction counts once the server has sent it, not while it is being sent", async () => {
  const member = stateEvent(stateType, "_alice", { application: "m.call" });
  const fake = await server.started(inRoom({ state: [...roomState(alice), member] }));
  const { port, batches } = listen(fake);
  const read = () => port.stateEvent(roomId, stateType, "_alice")?.content;
  const before = read();
  const sdkEvent = fake.client.getRoom(roomId)?.currentState.getStateEvents(stateType, "_alice");
  sdkEvent?.markLocallyRedacted(new MatrixEvent(redaction(member.event_id)));
  expect(read()).toBe(before);
  await fake.syncs.take(inRoom({ timeline: [redaction(member.event_id)] }));
  expect(batches).toEqual([[{ kind: "state", roomId, type: stateType, stateKey: "_alice" }]]);
  expect(read()).toEqual({});
  expect(read()).not.toBe(before);
});
