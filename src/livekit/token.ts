// SfuToken: being let into a LiveKit server. protocol.md 6.3; section 11, rows 14 and 15.
import { catchError, defer, map, type Observable, switchMap, take, tap, throwError } from "rxjs";
import type { OwnMember } from "../call.ts";
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import { participantIdentity } from "../membership/identity.ts";
import { type JsonObject, objectOr } from "../room/json.ts";
import { roomCallSlot } from "../room/names.ts";
import type { Transport } from "../types.ts";
import type { LivekitBackend, OpenIdToken } from "./backend.ts";
import { type Fetch, post } from "./post.ts";
import { isTransient, retrying } from "./retrying.ts";
import { isSfuUrl } from "./service-url.ts";
import { isLivekitTransport } from "./transport.ts";

/** Who asks for a token, where, and what for. */
export interface SfuTokenRequest {
  /** Where: our own transport, or the one that another member publishes on. */
  readonly transport: Transport;
  readonly roomId: string;
  readonly slot: string;
  /** Our own member. */
  readonly member: Pick<OwnMember, "kind" | "userId" | "deviceId" | "memberId">;
  /**
   * `publish`: the token names the identity that our membership promises. `subscribe`: to see others on their
   * transport, under whichever identity the service gives.
   */
  readonly purpose: "publish" | "subscribe";
}

export interface SfuTokenOptions {
  /** In place of the platform's `fetch`. */
  readonly fetch?: Fetch;
  /** Accept plain `http:` and `ws:` elsewhere than on this machine. Default false. */
  readonly allowInsecure?: boolean;
}

/** How to connect. */
export interface SfuToken {
  /** The WebSocket address of the SFU. */
  readonly url: string;
  /** A secret, valid for about an hour. */
  readonly jwt: string;
  /** The LiveKit room, as the token names it: opaque. */
  readonly alias: string;
  /** The participant identity that the token gives us. */
  readonly identity: string;
}

/**
 * Asks an authorisation service for a token: a state member's own by `/sfu/get`, a sticky member's own by
 * `/get_token`, and for the transports of others `/get_token` with `/sfu/get` behind it.
 *
 * Cold: emits one token and completes. Every request carries a fresh OpenID token. Trouble on the way is retried up
 * to four times over 30 s and then fails with `request-failed`; a refusal, an unsafe address, a malformed answer
 * or a token for another identity than our membership's fails with `no-transport`. protocol.md 6.3.
 *
 * @throws RtcError `bad-argument` at once for a state member outside of `m.call#ROOM`: its endpoint knows no slots.
 *
 * @example
 * ```ts
 * import { NEVER, of } from "rxjs";
 * import { sfuToken } from "matrixrtc-rx/livekit";
 *
 * const openId = { access_token: "oid", token_type: "Bearer", matrix_server_name: "example.org", expires_in: 3600 };
 * const backend = { openIdToken: () => of(openId), rtcTransports: () => NEVER, wellKnown: () => NEVER };
 * const payload = btoa(JSON.stringify({ sub: "@alice:example.org:PHONE", video: { room: "alias" } }));
 * const answer = Response.json({ url: "wss://rtc.example.org", jwt: `header.${payload}.signature` });
 * sfuToken(
 *   backend,
 *   {
 *     transport: { type: "livekit", livekit_service_url: "https://rtc.example.org/jwt" },
 *     roomId: "!kitchen:example.org",
 *     slot: "m.call#ROOM",
 *     member: { kind: "state", userId: "@alice:example.org", deviceId: "PHONE", memberId: "@alice:example.org:PHONE" },
 *     purpose: "publish",
 *   },
 *   { fetch: async () => answer },
 * ).subscribe((token) => console.assert(token.identity === "@alice:example.org:PHONE"));
 * ```
 */
export function sfuToken(
  backend: Pick<LivekitBackend, "openIdToken">,
  request: SfuTokenRequest,
  { fetch = globalThis.fetch, allowInsecure = false }: SfuTokenOptions = {},
): Observable<SfuToken> {
  const { transport, slot, member, purpose } = request;
  if (purpose === "publish" && member.kind === "state" && slot !== roomCallSlot)
    throw new RtcError("bad-argument", `a state member can publish in ${roomCallSlot} only: join as a sticky member`);
  if (!isLivekitTransport(transport, allowInsecure))
    return throwError(() => new RtcError("no-transport", "not a LiveKit transport with a safe address"));

  const service = transport.livekit_service_url.replace(/\/+$/, "");
  const ask = (path: string, bodyOf: (openIdToken: OpenIdToken) => object) =>
    defer(() => backend.openIdToken()).pipe(
      take(1),
      switchMap((openIdToken) => post(fetch, service + path, bodyOf(openIdToken))),
    );
  const legacy$ = ask("/sfu/get", (openIdToken) => legacyBody(request, openIdToken));
  const token$ = ask("/get_token", (openIdToken) => body(request, openIdToken));

  return choose(request, token$, legacy$).pipe(
    retrying(),
    map((answer) => read(answer, allowInsecure)),
    tap(({ identity }) => purpose === "publish" && assertPromised(identity, member)),
    catchError((error: unknown) => {
      throw error instanceof RtcError ? error : failure(error);
    }),
  );
}

function choose({ purpose, member, slot }: SfuTokenRequest, token$: Observable<unknown>, legacy$: Observable<unknown>) {
  if (purpose === "publish") return member.kind === "state" ? legacy$ : token$;
  // `/sfu/get` has no field for a slot and means this one. A service without `/get_token` may refuse in a way that
  // looks like network trouble: its 404 lacks the CORS headers.
  return slot === roomCallSlot ? token$.pipe(catchError(() => legacy$)) : token$;
}

function legacyBody({ roomId, member }: SfuTokenRequest, openIdToken: OpenIdToken) {
  return { room: roomId, openid_token: openIdToken, device_id: member.deviceId };
}

/** Nothing may be added: the service refuses fields that it does not know. */
function body({ roomId, slot, member }: SfuTokenRequest, openIdToken: OpenIdToken) {
  return {
    room_id: roomId,
    slot_id: slot,
    openid_token: openIdToken,
    member: { id: member.memberId, claimed_user_id: member.userId, claimed_device_id: member.deviceId },
  };
}

function failure(cause: unknown): RtcError {
  const message = cause instanceof MatrixError ? cause.message : "no token could be had";
  return new RtcError(isTransient(cause) ? "request-failed" : "no-transport", message, { cause });
}

/** Others look for our media, and install our keys, under the identity that follows from our membership. */
function assertPromised(identity: string, { kind, userId, deviceId, memberId }: SfuTokenRequest["member"]): void {
  if (identity === participantIdentity(kind, userId, deviceId, memberId)) return;
  throw new RtcError("no-transport", "the token names us differently than our membership: nobody could decode us");
}

function read(answer: unknown, allowInsecure: boolean): SfuToken {
  const { url, jwt } = objectOr(answer);
  if (!isSfuUrl(url, allowInsecure)) throw new RtcError("no-transport", "the SFU's address is missing or not wss");
  const { sub, video } = payloadOf(jwt);
  const alias = objectOr(video)["room"];
  if (typeof jwt !== "string" || typeof sub !== "string" || typeof alias !== "string" || sub === "" || alias === "")
    throw new RtcError("no-transport", "the authorisation service gave a token that cannot be read");
  return { url, jwt, alias, identity: sub };
}

function payloadOf(jwt: unknown): JsonObject {
  try {
    const base64 = String(jwt).split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    return objectOr(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return {};
  }
}
