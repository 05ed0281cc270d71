// AuthService: replaces lk-jwt-service, the MatrixRTC authorisation service, in tests and examples on loopback only.
import type { IncomingMessage, RequestListener } from "node:http";
import { AccessToken, RoomServiceClient } from "livekit-server-sdk";
import { Delegations } from "./delegation.ts";
import { legacyIdentity, memberIdentity, roomAlias } from "./identity.ts";
import type { LivekitKey } from "./livekit.ts";
import {
  MatrixError,
  readDelegation,
  readLegacyRequest,
  readTokenRequest,
  type OpenIdToken,
  type TokenRequest,
} from "./token-request.ts";

const maxBodyLength = 65_536;
const requestMs = 10_000;
const delayedEvents = "_matrix/client/unstable/org.matrix.msc4140/delayed_events";

export interface AuthServiceOptions {
  /** Base URLs of homeservers by their server name. */
  homeservers: ReadonlyMap<string, string>;
  /** WebSocket URL of the LiveKit server. */
  sfu: string;
  livekit: LivekitKey;
  /** How long tokens last, in seconds. Read for each token. Default an hour. */
  tokens?: { ttlS: number };
}

export interface AuthService {
  readonly handle: RequestListener;
  stop(): void;
}

export function createAuthService({ homeservers, sfu, livekit, tokens }: AuthServiceOptions): AuthService {
  const rooms = new RoomServiceClient(sfu.replace(/^ws/, "http"), livekit.key, livekit.secret);
  const delegations = new Delegations();

  const routes: Record<string, (body: string) => Promise<object>> = {
    "/sfu/get": (body) => answerToken(readLegacyRequest(body)),
    "/get_token": (body) => answerToken(readTokenRequest(body)),
    "/delegate_delayed_leave": async (body) => {
      const request = readDelegation(body);
      delegate(request, await nameOf(request));
      return {};
    },
  };

  async function answerToken(request: TokenRequest) {
    const name = await nameOf(request);
    await rooms.createRoom({ name: name.room, emptyTimeout: 300, departureTimeout: 20 });
    delegate(request, name);
    return { url: sfu, jwt: await signToken(livekit, name, tokens?.ttlS ?? 3_600) };
  }

  /** The participant of a request. The homeserver says which user the OpenID token belongs to. */
  async function nameOf({ roomId, slotId, openId, deviceId, member }: TokenRequest): Promise<Participant> {
    const userId = await userOf(openId);
    if (member && member.userId !== userId) throw unauthorized();
    const identity = member ? memberIdentity(userId, deviceId, member.id) : legacyIdentity(userId, deviceId);
    return { room: roomAlias(roomId, slotId), identity };
  }

  async function userOf({ accessToken, serverName }: OpenIdToken): Promise<string> {
    const base = homeservers.get(serverName);
    if (base === undefined) throw unauthorized();
    const url = `${base}/_matrix/federation/v1/openid/userinfo?access_token=${encodeURIComponent(accessToken)}`;
    const { sub } = await fetch(url, { signal: AbortSignal.timeout(requestMs) })
      .then((response) => response.json() as Promise<{ sub?: unknown }>)
      .catch(() => {
        throw unauthorized();
      });
    if (typeof sub !== "string" || !sub.endsWith(`:${serverName}`)) throw unauthorized();
    return sub;
  }

  function delegate({ openId, leave }: TokenRequest, { room, identity }: Participant) {
    if (leave === undefined) return;
    const event = `${homeservers.get(openId.serverName)}/${delayedEvents}/${encodeURIComponent(leave.delayId)}`;
    const isAdded = delegations.add(`${room} ${identity}`, {
      timeoutMs: leave.timeoutMs,
      // If the SFU does not answer, the participant counts as absent.
      present: () =>
        rooms.getParticipant(room, identity).then(
          () => true,
          () => false,
        ),
      update: async (action) => {
        const response = await fetch(`${event}/${action}`, {
          method: "POST",
          body: "{}",
          signal: AbortSignal.timeout(requestMs),
        });
        await response.body?.cancel();
        return response.status;
      },
    });
    if (!isAdded) throw new MatrixError(429, "M_LIMIT_EXCEEDED", "Too many delegated leaves");
  }

  async function answer(request: IncomingMessage): Promise<object> {
    const path = new URL(request.url ?? "/", "http://service").pathname;
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) throw new MatrixError(404, "M_UNRECOGNIZED", "No such endpoint");
    if (request.method === "OPTIONS") return {};
    if (request.method !== "POST") throw new MatrixError(405, "M_UNRECOGNIZED", "This endpoint accepts POST only");
    return route(await bodyOf(request));
  }

  return {
    handle(request, response) {
      const send = (status: number, body: object) => {
        response.writeHead(status, { "Content-Type": "application/json", ...cors }).end(JSON.stringify(body));
      };
      answer(request).then(
        (body) => send(200, body),
        (error: unknown) => {
          const known = error instanceof MatrixError ? error : new MatrixError(500, "M_UNKNOWN", "Internal error");
          send(known.status, { errcode: known.errcode, error: known.message });
        },
      );
    },
    stop: () => delegations.stop(),
  };
}

interface Participant {
  room: string;
  identity: string;
}

const cors = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Allow-Headers": "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token",
};

const unauthorized = () => new MatrixError(401, "M_UNAUTHORIZED", "The request could not be authorised");

function signToken({ key, secret }: LivekitKey, { room, identity }: Participant, ttl: number): Promise<string> {
  const token = new AccessToken(key, secret, { identity, ttl });
  token.addGrant({
    room,
    roomJoin: true,
    roomCreate: false,
    canPublish: true,
    canSubscribe: true,
    canUpdateOwnMetadata: true,
  });
  return token.toJwt();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    body += chunk;
    if (body.length > maxBodyLength) throw new MatrixError(413, "M_TOO_LARGE", "The body is too long");
  }
  return body;
}
