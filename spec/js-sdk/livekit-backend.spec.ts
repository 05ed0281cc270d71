import { lastValueFrom, type Observable, toArray } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import { FakeServer, refusal } from "./fake-server.ts";

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
const unstable = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";
const stable = "/_matrix/client/v1/rtc/transports";

test("each subscription requests a new OpenID token and emits it unchanged", async () => {
  let count = 0;
  const token = {
    access_token: "oid",
    token_type: "Bearer",
    matrix_server_name: "example.org",
    expires_in: 3600,
    more: 1,
  };
  server.on("POST", "/openid/request_token", () => ({ ...token, access_token: `oid${++count}` }));
  const tokens$ = port().openIdToken();
  expect(await all(tokens$)).toEqual([{ ...token, access_token: "oid1" }]);
  expect(await all(tokens$)).toEqual([{ ...token, access_token: "oid2" }]);
  expect(server.requests[0]).toMatchObject({
    path: "/_matrix/client/v3/user/@alice:example.org/openid/request_token",
    body: {},
  });
});

test("a response without a token is an error", async () => {
  server.on("POST", "/openid/request_token", () => ({}));
  await expect(all(port().openIdToken())).rejects.toMatchObject({ kind: "network" });
});

test("the transports of the homeserver are emitted unchanged", async () => {
  const rtc_transports = [{ type: "livekit", livekit_service_url: "https://rtc.example.org" }, "odd"];
  server.on("GET", unstable, () => ({ rtc_transports }));
  expect(await all(port().rtcTransports())).toEqual([rtc_transports]);
});

test("the stable endpoint is used if the unstable one does not exist", async () => {
  server.on("GET", unstable, () => refusal(404, "M_UNRECOGNIZED"));
  server.on("GET", stable, () => ({ rtc_transports: [] }));
  expect(await all(port().rtcTransports())).toEqual([[]]);
});

test("a homeserver without both endpoints has no transports", async () => {
  expect(await all(port().rtcTransports())).toEqual([undefined]);
  expect(server.requests.map(({ path }) => path)).toEqual([unstable, stable]);
});

test("a homeserver in trouble is an error, and not a homeserver without transports", async () => {
  server.on("GET", unstable, () => refusal(503, "M_UNKNOWN"));
  await expect(all(port().rtcTransports())).rejects.toMatchObject({ kind: "network" });
});

test("the well-known file is requested from the user's domain, without our access token", async () => {
  server.on("GET", "/.well-known/matrix/client", () => ({ "org.matrix.msc4143.rtc_foci": [] }));
  expect(await all(port().wellKnown())).toEqual([{ "org.matrix.msc4143.rtc_foci": [] }]);
  expect(server.requests[0]?.url.href).toBe("https://example.org/.well-known/matrix/client");
  expect(server.requests[0]?.headers.has("Authorization")).toBe(false);
});

const wellKnownUrl = "https://example.org/.well-known/matrix/client";
test.for([
  ["does not exist", () => refusal(404, "M_NOT_FOUND")],
  ["does not exist, without JSON", () => new Response("not found", { status: 404 })],
] as const)("the well-known content is undefined if the file %s", async ([, answer]) => {
  server.on("GET", "/.well-known/matrix/client", answer);
  expect(await all(port().wellKnown())).toEqual([undefined]);
});

test.for([
  [
    "is out of reach",
    () => Promise.reject(new TypeError("fetch failed")),
    { kind: "network", message: `${wellKnownUrl} is out of reach: no web server, or no CORS headers` },
  ],
  ["is an error page", () => refusal(500, "M_UNKNOWN"), { kind: "network", message: `${wellKnownUrl} answered 500` }],
  ["is forbidden", () => refusal(403, "M_FORBIDDEN"), { kind: "other", message: `${wellKnownUrl} answered 403` }],
  ["is not JSON", () => new Response("<html>"), { kind: "other", message: `${wellKnownUrl} is not JSON` }],
] as const)("the well-known file fails and says why if it %s", async ([, answer, error]) => {
  server.on("GET", "/.well-known/matrix/client", answer);
  await expect(all(port().wellKnown())).rejects.toMatchObject(error);
});

test("the well-known file fails after 30 s without a response", async () => {
  vi.useFakeTimers();
  server.on("GET", "/.well-known/matrix/client", () => new Promise(() => {}));
  const result = expect(all(port().wellKnown())).rejects.toMatchObject({
    kind: "timeout",
    message: `${wellKnownUrl} did not answer in time`,
  });
  await vi.advanceTimersByTimeAsync(30_000);
  await result;
});

test.for([
  ["@alice:example.org:8448", "https://example.org/.well-known/matrix/client"],
  ["@alice:[2001:db8::1]:8448", "https://[2001:db8::1]/.well-known/matrix/client"],
  ["@alice:[2001:db8::1]", "https://[2001:db8::1]/.well-known/matrix/client"],
  ["@alice:1.2.3.4:443", "https://1.2.3.4/.well-known/matrix/client"],
] as const)("the well-known file of %s is on the host of its server name, without the port", async ([userId, href]) => {
  server.on("GET", "/.well-known/matrix/client", () => ({}));
  await all(fromMatrixClient(server.client(userId).client).wellKnown());
  expect(server.requests[0]?.url.href).toBe(href);
});

test("unsubscribing aborts the request of the well-known file", () => {
  server.on("GET", "/.well-known/", () => new Promise(() => {}));
  port().wellKnown().subscribe().unsubscribe();
  expect(server.requests[0]?.signal?.aborted).toBe(true);
});
