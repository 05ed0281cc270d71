import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { TokenVerifier } from "livekit-server-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createAuthService, type AuthService } from "../../examples/stack/auth-service.ts";
import { memberIdentity, roomAlias } from "../../examples/stack/identity.ts";

const livekit = { key: "key", secret: "a secret of thirty-two characters" };
const servers: Server[] = [];
/** The requests to the simulated homeserver and SFU. */
const asked: { path: string; body: string }[] = [];
let sfuWorks = true;
let participants = false;
let service: AuthService;
let base: string;
let sfu: string;

beforeAll(async () => {
  const homeserver = await serve((request, response) => {
    const url = new URL(request.url ?? "/", "http://homeserver");
    asked.push({ path: url.pathname, body: "" });
    const users: Record<string, string> = { good: "@u:example.org", foreign: "@u:elsewhere.org" };
    const sub = users[url.searchParams.get("access_token") ?? ""];
    if (url.pathname.endsWith("/userinfo") && sub === undefined)
      response.writeHead(401).end('{"errcode":"M_UNKNOWN_TOKEN"}');
    else response.end(JSON.stringify({ sub }));
  });
  const livekitServer = await serve((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      asked.push({ path: request.url ?? "", body });
      const works = request.url?.endsWith("/GetParticipant") ? participants : sfuWorks;
      response.writeHead(works ? 200 : 404, { "Content-Type": "application/json" }).end("{}");
    });
  });
  sfu = livekitServer.replace("http", "ws");
  service = createAuthService({ homeservers: new Map([["example.org", homeserver]]), sfu, livekit });
  base = await serve(service.handle);
});

beforeEach(() => {
  asked.length = 0;
  sfuWorks = true;
  participants = false;
});

afterAll(() => {
  service.stop();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const openIdToken = { access_token: "good", token_type: "Bearer", matrix_server_name: "example.org", expires_in: 3600 };
const legacy = { room: "!r:example.org", device_id: "D", openid_token: openIdToken };
const current = {
  room_id: "!r:example.org",
  slot_id: "s#1",
  openid_token: openIdToken,
  member: { id: "m", claimed_user_id: "@u:example.org", claimed_device_id: "D" },
};

async function post(path: string, body: unknown) {
  const response = await fetch(base + path, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as { jwt: string } };
}

describe("The authorisation service issues a token", () => {
  test("with a readable identity for a legacy request", async () => {
    const { status, body } = await post("/sfu/get", legacy);
    expect(status).toBe(200);
    expect(body).toEqual({ url: sfu, jwt: expect.any(String) });
    const claims = await new TokenVerifier(livekit.key, livekit.secret).verify(body.jwt);
    expect(claims.sub).toBe("@u:example.org:D");
    expect(claims.video?.room).toBe(roomAlias("!r:example.org", "m.call#ROOM"));
  });

  test("with a hashed identity, for one hour, with exactly these grants, for a current request", async () => {
    const { body } = await post("/get_token", current);
    const claims = await new TokenVerifier(livekit.key, livekit.secret).verify(body.jwt);
    expect(claims.sub).toBe(memberIdentity("@u:example.org", "D", "m"));
    expect((claims.exp ?? 0) - (claims.nbf ?? 0)).toBe(3600);
    expect(claims.video).toEqual({
      room: roomAlias("!r:example.org", "s#1"),
      roomJoin: true,
      roomCreate: false,
      canPublish: true,
      canSubscribe: true,
      canUpdateOwnMetadata: true,
    });
  });

  test("after it has created the room", async () => {
    await post("/get_token", current);
    const created = asked.find(({ path }) => path.endsWith("/CreateRoom"));
    expect(JSON.parse(created?.body ?? "")).toMatchObject({
      name: roomAlias("!r:example.org", "s#1"),
      emptyTimeout: 300,
      departureTimeout: 20,
    });
  });
});

describe("The authorisation service refuses", () => {
  const unauthorized = { errcode: "M_UNAUTHORIZED", error: "The request could not be authorised" };
  test.each([
    ["a token that the homeserver does not know", { ...openIdToken, access_token: "bad" }],
    ["a homeserver that the service does not know", { ...openIdToken, matrix_server_name: "elsewhere.org" }],
    ["a homeserver that answers with a user of another homeserver", { ...openIdToken, access_token: "foreign" }],
  ])("%s", async (_, openid_token) => {
    for (const answer of [
      await post("/sfu/get", { ...legacy, openid_token }),
      await post("/get_token", { ...current, openid_token }),
    ])
      expect(answer).toMatchObject({ status: 401, body: unauthorized });
    expect(asked.filter(({ path }) => path.endsWith("/CreateRoom"))).toEqual([]);
  });

  test("a member that claims another user", async () => {
    const member = { ...current.member, claimed_user_id: "@other:example.org" };
    expect(await post("/get_token", { ...current, member })).toMatchObject({ status: 401, body: unauthorized });
  });

  test("unknown and missing fields, without asking the homeserver", async () => {
    expect(await post("/get_token", { ...current, extra: 1 })).toMatchObject({
      status: 400,
      body: { errcode: "M_NOT_JSON", error: expect.any(String) },
    });
    expect(await post("/sfu/get", {})).toMatchObject({ status: 400, body: { errcode: "M_BAD_JSON" } });
    expect(asked).toEqual([]);
  });

  test("a token if the room cannot be created", async () => {
    sfuWorks = false;
    expect(await post("/sfu/get", legacy)).toMatchObject({ status: 500, body: { errcode: "M_UNKNOWN" } });
  });

  test("a body that is too long", async () => {
    expect(await post("/sfu/get", "x".repeat(70_000))).toMatchObject({ status: 413, body: { errcode: "M_TOO_LARGE" } });
  });

  test("other paths and other methods", async () => {
    expect(await post("/toString", {})).toMatchObject({ status: 404, body: { errcode: "M_UNRECOGNIZED" } });
    expect((await fetch(`${base}/sfu/get`)).status).toBe(405);
  });
});

test("the authorisation service answers pages of any origin", async () => {
  const preflight = await fetch(`${base}/get_token`, { method: "OPTIONS" });
  expect(preflight.status).toBe(200);
  const refused = await post("/get_token", {});
  for (const { headers } of [preflight, refused]) {
    expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(headers.get("Access-Control-Allow-Headers")).toContain("Content-Type");
  }
});

test("the authorisation service updates a delegated leave at the homeserver of the user", async () => {
  participants = true;
  const answer = await post("/delegate_delayed_leave", { ...current, delay_id: "d_1-A", delay_timeout: 10_000 });
  expect(answer).toMatchObject({ status: 200, body: {} });
  const path = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/d_1-A/restart";
  await vi.waitFor(() => expect(asked).toContainEqual({ path, body: "" }));
  expect(asked.some((request) => request.path.endsWith("/CreateRoom"))).toBe(false);
});
