import { firstValueFrom, lastValueFrom, type Observable, toArray } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OutgoingEvent } from "../../src/matrix.ts";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { alice, bob, encrypted, memberType, roomId, roomState, stateType } from "./events.ts";
import { eventually, FakeServer, refusal } from "./fake-server.ts";

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});
afterEach(() => {
  server.stop();
  vi.useRealTimers();
});

const port = () => fromMatrixClient(server.client().client);
const all = <T>(source: Observable<T>): Promise<T[]> => lastValueFrom(source.pipe(toArray()));
const room = encodeURIComponent(roomId);

const state: OutgoingEvent = {
  roomId,
  type: stateType,
  stateKey: "_@alice:example.org_ALICE1_m.call",
  content: { a: 1 },
};
const member: OutgoingEvent = { roomId, type: memberType, stickyMs: 3_600_000, txnId: "txn/1", content: { b: 2 } };
const keys: OutgoingEvent = { roomId, type: "io.element.call.encryption_keys", txnId: "txn/1", content: { c: 3 } };
const stickyMs = "org.matrix.msc4354.sticky_duration_ms=3600000";
const delayedEvents = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";

/** The last request of a method on the wire. */
function wire(method: string) {
  const { url, body, headers } = server.requests.findLast((request) => request.method === method) ?? {};
  return { address: `${url?.pathname}${url?.search}`, body, token: headers?.get("Authorization") };
}

test("a state event is sent under its encoded key, and its event id is emitted", async () => {
  server.on("PUT", "/state/", () => ({ event_id: "$new" }));
  expect(await all(port().send(state))).toEqual(["$new"]);
  expect(wire("PUT")).toEqual({
    address: `/_matrix/client/v3/rooms/${room}/state/${stateType}/_%40alice%3Aexample.org_ALICE1_m.call`,
    body: { a: 1 },
    token: "Bearer token-of-ALICE1",
  });
});

test("a sticky event is sent with its duration and its transaction id", async () => {
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  server.on("PUT", "/send/", () => ({ event_id: "$new" }));
  expect(await all(fromMatrixClient(client).send(member))).toEqual(["$new"]);
  expect(wire("PUT")).toMatchObject({
    address: `/_matrix/client/v3/rooms/${room}/send/${memberType}/txn%2F1?${stickyMs}`,
    body: { b: 2 },
  });
});

test("a delayed state event is sent with its delay", async () => {
  server.on("PUT", "/state/", () => ({ delay_id: "syd_1" }));
  expect(await all(port().schedule({ ...state, content: {} }, 8_000))).toEqual(["syd_1"]);
  expect(wire("PUT")).toMatchObject({
    address: `/_matrix/client/v3/rooms/${room}/state/${stateType}/_%40alice%3Aexample.org_ALICE1_m.call?org.matrix.msc4140.delay=8000`,
    body: {},
  });
});

test("a delayed sticky event is sent with delay and duration, in cleartext also in an encrypted room", async () => {
  const { client } = await server.started(
    { join: { [roomId]: { state: [...roomState(alice), encrypted] } } },
    { crypto: true },
  );
  server.on("PUT", "/send/", () => ({ delay_id: "syd_2" }));
  expect(await all(fromMatrixClient(client).schedule(member, 8_000))).toEqual(["syd_2"]);
  expect(wire("PUT")).toMatchObject({
    address: `/_matrix/client/v3/rooms/${room}/send/${memberType}/txn%2F1?org.matrix.msc4140.delay=8000&${stickyMs}`,
    body: { b: 2 },
  });
});

test("a sticky event in an encrypted room is sent encrypted, and is not added to the local timeline", async () => {
  const join = { [roomId]: { state: [...roomState(alice, bob), encrypted] } };
  const { client } = await server.started({ join }, { crypto: true });
  server.on("PUT", "/send/", () => refusal(403, "M_FORBIDDEN"));
  await expect(all(fromMatrixClient(client).send(member))).rejects.toMatchObject({ kind: "forbidden" });
  expect(wire("PUT").address).toBe(`/_matrix/client/v3/rooms/${room}/send/m.room.encrypted/txn%2F1?${stickyMs}`);
  expect(wire("PUT").body).toMatchObject({ algorithm: "m.megolm.v1.aes-sha2", ciphertext: expect.any(String) });
  expect(client.getRoom(roomId)?.getLiveTimeline().getEvents()).toEqual([]);
});

test("a timeline event that is not sticky is sent to any server", async () => {
  server.unstableFeatures = {};
  const { client } = await server.started({ join: { [roomId]: { state: roomState(alice) } } });
  expect(await all(fromMatrixClient(client).send(keys))).toEqual([expect.any(String)]);
  expect(wire("PUT")).toMatchObject({
    address: `/_matrix/client/v3/rooms/${room}/send/io.element.call.encryption_keys/txn%2F1`,
    body: { c: 3 },
  });
});

test("a timeline event in an encrypted room is sent encrypted, without any cleartext", async () => {
  const join = { [roomId]: { state: [...roomState(alice, bob), encrypted] } };
  const { client } = await server.started({ join }, { crypto: true });
  await all(fromMatrixClient(client).send({ ...keys, content: { secret: "AAECAwQFBgcICQoLDA0ODw" } }));
  expect(wire("PUT").address).toBe(`/_matrix/client/v3/rooms/${room}/send/m.room.encrypted/txn%2F1`);
  expect(wire("PUT").body).toMatchObject({ algorithm: "m.megolm.v1.aes-sha2", ciphertext: expect.any(String) });
  expect(JSON.stringify(server.requests)).not.toContain("AAECAwQFBgcICQoLDA0ODw");
});

test("nothing is sent in cleartext to a room that the client does not know yet", async () => {
  await expect(all(port().send(member))).rejects.toMatchObject({ kind: "other" });
  await expect(all(port().send(keys))).rejects.toMatchObject({ kind: "other" });
  expect(server.sent("PUT", "/send/")).toEqual([]);
});

test("a client without encryption sends nothing to an encrypted room", async () => {
  const { client } = await server.started({ join: { [roomId]: { state: [...roomState(alice), encrypted] } } });
  await expect(all(fromMatrixClient(client).send(member))).rejects.toMatchObject({ kind: "unsupported" });
  expect(server.sent("PUT", "/send/")).toEqual([]);
});

test("a stopped client is not asked to encrypt, because its rejection could not be caught", async () => {
  const join = { [roomId]: { state: [...roomState(alice, bob), encrypted] } };
  const { client } = await server.started({ join }, { crypto: true });
  const matrix = fromMatrixClient(client);
  await all(matrix.send(member));
  client.stopClient();
  await expect(all(matrix.send({ ...member, txnId: "txn/2" }))).rejects.toMatchObject({ kind: "network" });
  expect(server.sent("PUT", "/send/")).toHaveLength(1);
});

test("a state event is not encrypted", async () => {
  const { client } = await server.started(
    { join: { [roomId]: { state: [...roomState(alice), encrypted] } } },
    { crypto: true },
  );
  await all(fromMatrixClient(client).send(state));
  expect(wire("PUT").body).toEqual({ a: 1 });
});

test.for([
  ["a sticky event", (p: ReturnType<typeof port>) => p.send(member), "org.matrix.msc4354"],
  ["a delayed state event", (p: ReturnType<typeof port>) => p.schedule(state, 1_000), "org.matrix.msc4140"],
  ["a delayed sticky event", (p: ReturnType<typeof port>) => p.schedule(member, 1_000), "org.matrix.msc4354"],
] as const)("a server that would ignore the parameter gets no request: %s", async ([, effect, feature]) => {
  server.unstableFeatures = { ...server.unstableFeatures, [feature]: false };
  await expect(all<unknown>(effect(port()))).rejects.toMatchObject({
    kind: "unsupported",
    message: `the server lacks ${feature}`,
  });
  expect(server.requests.map(({ path }) => path)).toEqual(["/_matrix/client/versions"]);
});

test.for(["restart", "send", "cancel"] as const)("a delayed event is updated by its id: %s", async (action) => {
  server.on("POST", "/delayed_events/", () => ({}));
  expect(await all(port().updateDelayedEvent("syd/1", action))).toEqual([]);
  expect(wire("POST")).toEqual({
    address: `${delayedEvents}/syd%2F1/${action}`,
    body: undefined,
    token: "Bearer token-of-ALICE1",
  });
});

test("an older server gets the action in the body", async () => {
  server.on("POST", "/delayed_events/", () => ({}));
  server.on("POST", "/restart", () => refusal(404, "M_UNRECOGNIZED"));
  expect(await all(port().updateDelayedEvent("syd_1", "restart"))).toEqual([]);
  expect(wire("POST")).toMatchObject({ address: `${delayedEvents}/syd_1`, body: { action: "restart" } });
});

test("a server that knows neither form does not support the update", async () => {
  server.on("POST", "/delayed_events/", () => refusal(404, "M_UNRECOGNIZED"));
  await expect(all(port().updateDelayedEvent("syd_1", "restart"))).rejects.toMatchObject({ kind: "unsupported" });
});

test("an unknown delay id is not sent in the older form, and is not part of the error", async () => {
  server.on("POST", "/delayed_events/", () => refusal(404, "M_NOT_FOUND", { error: "syd_1 is not known" }));
  await expect(all(port().updateDelayedEvent("syd_1", "restart"))).rejects.toMatchObject({
    kind: "not-found",
    message: "M_NOT_FOUND: HTTP 404: … is not known",
  });
  expect(server.sent("POST", "/delayed_events/")).toHaveLength(1);
});

test("a keepalive update is sent at once, and unsubscribing does not abort it", () => {
  server.on("POST", "/delayed_events/", () => new Promise(() => {}));
  port().updateDelayedEvent("syd_1", "send", { keepalive: true }).subscribe().unsubscribe();
  expect(wire("POST")).toMatchObject({ address: `${delayedEvents}/syd_1/send`, token: "Bearer token-of-ALICE1" });
  expect(server.requests[0]).toMatchObject({ keepalive: true, signal: undefined });
});

test("a keepalive update emits its outcome like any other", async () => {
  server.on("POST", "/send", () => ({}));
  expect(await all(port().updateDelayedEvent("syd_1", "send", { keepalive: true }))).toEqual([]);
  server.on("POST", "/send", () => refusal(429, "M_LIMIT_EXCEEDED", {}, { "Retry-After": "3" }));
  await expect(all(port().updateDelayedEvent("syd_1", "send", { keepalive: true }))).rejects.toMatchObject({
    kind: "rate-limited",
    retryAfterMs: 3_000,
  });
  server.on("POST", "/send", () => Promise.reject(new TypeError("fetch failed")));
  await expect(all(port().updateDelayedEvent("syd_1", "send", { keepalive: true }))).rejects.toMatchObject({
    kind: "network",
  });
});

test("an effect is sent when subscribed to, and aborted when unsubscribed from", async () => {
  server.on("PUT", "/state/", () => new Promise(() => {}));
  const sending = port().send(state);
  await Promise.resolve();
  expect(server.requests).toEqual([]);
  const subscription = sending.subscribe();
  await eventually(() => server.sent("PUT", "/state/").length).toBe(1);
  expect(server.sent("PUT", "/state/")[0]?.signal?.aborted).toBe(false);
  subscription.unsubscribe();
  expect(server.sent("PUT", "/state/")[0]?.signal?.aborted).toBe(true);
});

test("a request without a response fails with a timeout after 30 s", async () => {
  vi.useFakeTimers();
  server.on("PUT", "/state/", () => new Promise(() => {}));
  const result = expect(all(port().send(state))).rejects.toMatchObject({ kind: "timeout" });
  await vi.advanceTimersByTimeAsync(29_999);
  expect(server.sent("PUT", "/state/")[0]?.signal?.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await result;
  expect(server.sent("PUT", "/state/")[0]?.signal?.aborted).toBe(true);
});

test("a response without an event id is the answer of a proxy: a network error", async () => {
  server.on("PUT", "/state/", () => ({}));
  await expect(all(port().send(state))).rejects.toMatchObject({
    kind: "network",
    message: "the response of the server has no event_id",
  });
});

test.for([
  ["404 text/plain", () => new Response("not found", { status: 404, headers: { "Content-Type": "text/plain" } })],
  ["403 text/html", () => new Response("<html>", { status: 403, headers: { "Content-Type": "text/html" } })],
  ["200 text/html", () => new Response("<html>", { headers: { "Content-Type": "text/html" } })],
  ["404 with broken JSON", () => new Response("{", { status: 404, headers: { "Content-Type": "application/json" } })],
  ["404 with JSON null", () => Response.json(null, { status: 404 })],
  ["404 with an odd content type", () => new Response("", { status: 404, headers: { "Content-Type": "odd" } })],
] as const)("a proxy that answers for the server is a network error: %s", async ([, answer]) => {
  server.on("PUT", "/state/", answer);
  await expect(all(port().send(state))).rejects.toMatchObject({ kind: "network" });
  await expect(all(port().schedule(state, 1_000))).rejects.toMatchObject({ kind: "network" });
});

test("a bare 404 of an update says that the delayed event is not found, or the route of the proxy is missing", async () => {
  server.on("POST", "/delayed_events/", () => new Response("not found", { status: 404 }));
  await expect(all(port().updateDelayedEvent("syd_1", "restart"))).rejects.toMatchObject({ kind: "not-found" });
  await expect(all(port().updateDelayedEvent("syd_1", "send", { keepalive: true }))).rejects.toMatchObject({
    kind: "not-found",
  });
  server.on("POST", "/delayed_events/", () => new Response("<html>", { status: 403 }));
  await expect(all(port().updateDelayedEvent("syd_1", "restart"))).rejects.toMatchObject({ kind: "network" });
  await expect(all(port().updateDelayedEvent("syd_1", "send", { keepalive: true }))).rejects.toMatchObject({
    kind: "network",
  });
});

test("a server that sends a delayed event at once, and so answers with its event id, does not support them", async () => {
  server.on("PUT", "/state/", () => ({ event_id: "$sent-at-once" }));
  await expect(all(port().schedule(state, 8_000))).rejects.toMatchObject({
    kind: "unsupported",
    message: "the server has sent the delayed event at once",
  });
});

test.for([
  [
    "a maximum delay",
    { "org.matrix.msc4140.delayed_events": { max_delay_ms: 86_400_000, max_scheduled: 100 } },
    { maxDelayMs: 86_400_000 },
  ],
  ["a maximum delay, under the stable name", { "m.delayed_events": { max_delay_ms: 1_000 } }, { maxDelayMs: 1_000 }],
  ["that no event may be scheduled", { "m.delayed_events": { max_scheduled: 0 } }, false],
  ["nothing", {}, {}],
  ["nonsense", { "m.delayed_events": { max_delay_ms: "long" } }, {}],
] as const)("the limits of delayed events are read from a server that states %s", async ([, capabilities, allowed]) => {
  server.capabilities = capabilities;
  expect(await firstValueFrom(port().delayedEventLimits())).toEqual(allowed);
});

test("a server without delayed events has the limit false", async () => {
  server.unstableFeatures = {};
  expect(await all(port().delayedEventLimits())).toEqual([false]);
});

test("a server without capabilities has no known limit", async () => {
  server.on("GET", "/capabilities", () => refusal(400, "M_UNRECOGNIZED"));
  expect(await all(port().delayedEventLimits())).toEqual([{}]);
});

test("the limits fail if the versions of the server cannot be read", async () => {
  server.on("GET", "/versions", () => refusal(502, "M_UNKNOWN"));
  await expect(all(port().delayedEventLimits())).rejects.toMatchObject({ kind: "network" });
});
