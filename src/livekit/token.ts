// SfuToken: gets access to a LiveKit server. protocol.md 6.3; section 11, rows 14 and 15.
import { catchError, identity, map, type MonoTypeOperatorFunction, type Observable, tap } from "rxjs";
import { RtcError } from "../errors.ts";
import { fromBase64 } from "../room/base64.ts";
import { isString, type JsonObject, objectOr } from "../room/json.ts";
import { isSameCall, names, roomCallSlot } from "../room/names.ts";
import type { LivekitBackend } from "./backend.ts";
import { retrying } from "./retrying.ts";
import { askHomeserver, askService, mapErrors, rulesFor, type ServiceOptions, type ServiceRequest } from "./service.ts";
import { type AddressRules, sfuUrlFault } from "./service-url.ts";

/** A request for a token, and its purpose. */
export interface SfuTokenRequest extends ServiceRequest {
  /**
   * `publish`: the token must give us the identity that follows from our membership. `subscribe`: the token may give us any
   * identity, because we only receive media.
   */
  readonly purpose: "publish" | "subscribe";
}

/** The address of an SFU, and a token for it. */
export interface SfuToken {
  /** The WebSocket address of the SFU. */
  readonly url: string;
  /** A secret, valid for about an hour. */
  readonly jwt: string;
  /** The name of the LiveKit room in the token. Opaque. */
  readonly alias: string;
  /** The participant identity that the token gives us. */
  readonly identity: string;
  /** How long it is valid, from the moment when it came. */
  readonly lifeMs: number;
}

/**
 * Asks an authorisation service for a token. To publish, a state member uses `/sfu/get` and a sticky member `/get_token`.
 * To subscribe, both use `/get_token`, and `/sfu/get` if that fails. For a transport of the type `m.livekit` it asks the
 * homeserver instead, through `livekitToken` of the backend. To receive a member, give the slot that its membership has.
 *
 * Cold: emits one token and completes. Each request uses a new OpenID token. Temporary errors are retried up to four times
 * within 30 s, at once when the connection is back, and then fail with `request-failed`. It fails with `no-transport` if
 * the service rejects the request, if an address is not safe, if the response is malformed, or if a token to publish gives
 * us another identity. protocol.md 6.3.
 *
 * **An OpenID token proves who we are.** Every member can name an address, and the service there could use our token at
 * another service. So only addresses that `livekitTransport` has found with the same `backend` are trusted. All others must
 * be `https:`, at a name of the public internet, without a query. Each user can name three of them within an hour, and all users
 * together can name 50. `mayAsk` can refuse more. A public host name that resolves to a private address is not noticed.
 *
 * @throws RtcError `bad-argument`, at once, for a state member that publishes outside `m.call#ROOM`: `/sfu/get` has no slots.
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
 *     // In an app: the member of a JoinState.
 *     member: {
 *       kind: "state",
 *       userId: "@alice:example.org",
 *       deviceId: "PHONE",
 *       memberId: "@alice:example.org:PHONE",
 *       participantIdentity: "@alice:example.org:PHONE",
 *     },
 *     purpose: "publish",
 *   },
 *   { fetch: async () => answer },
 * ).subscribe((token) => console.assert(token.identity === "@alice:example.org:PHONE"));
 * ```
 */
export function sfuToken(
  backend: Pick<LivekitBackend, "openIdToken" | "livekitToken" | "changes$">,
  request: SfuTokenRequest,
  options: ServiceOptions = {},
): Observable<SfuToken> {
  return tokenOnce(backend, request, options, retrying(backend));
}

/** One request for a token: what fails is repeated by `repeated` alone. */
export function tokenOnce(
  backend: Pick<LivekitBackend, "openIdToken" | "livekitToken" | "changes$">,
  request: SfuTokenRequest,
  options: ServiceOptions = {},
  repeated: MonoTypeOperatorFunction<unknown> = identity,
): Observable<SfuToken> {
  const { slot, member, purpose, transport } = request;
  if (purpose === "publish" && member.kind === "state" && !isSameCall(slot, roomCallSlot))
    throw new RtcError("bad-argument", `a state member can publish in ${roomCallSlot} only: join as a sticky member`);
  const legacy$ = askService(backend, request, "/sfu/get", options);
  const token$ = askService(backend, request, "/get_token", options);
  // The transport may be foreign JSON.
  const isOfHomeserver = objectOr(transport)["type"] === names.stable.livekit.type;

  return (isOfHomeserver ? askHomeserver(backend, request) : choose(request, token$, legacy$)).pipe(
    repeated,
    map((response) => read(response, rulesFor(backend, request, options))),
    tap((token) => purpose === "publish" && assertOwnIdentity(token.identity, request)),
    mapErrors("the request for a token failed"),
  );
}

function choose({ purpose, member, slot }: SfuTokenRequest, token$: Observable<unknown>, legacy$: Observable<unknown>) {
  if (purpose === "publish") return member.kind === "state" ? legacy$ : token$;
  // `/sfu/get` has no field for the slot and always means this one. If a service has no `/get_token`, its 404 may lack the
  // CORS headers, which looks like a network error.
  const withFallback = catchError((error: unknown) => {
    if (error instanceof RtcError) throw error;
    return legacy$;
  });
  return isSameCall(slot, roomCallSlot) ? token$.pipe(withFallback) : token$;
}

/** Others look for our media and install our keys under the identity that follows from our membership. */
function assertOwnIdentity(given: string, { member }: SfuTokenRequest): void {
  if (given === member.participantIdentity) return;
  throw new RtcError(
    "no-transport",
    "the token gives us another identity than our membership does, so that nobody could decode us",
  );
}

function read(response: unknown, rules: AddressRules): SfuToken {
  const { url, jwt } = objectOr(response);
  const fault = sfuUrlFault(url, rules);
  if (fault !== undefined) throw new RtcError("no-transport", `the address of the SFU ${fault}`);
  const { sub, video, nbf, exp } = isString(jwt) ? payloadOf(jwt) : {};
  const alias = objectOr(video)["room"];
  if (!isString(jwt) || typeof sub !== "string" || typeof alias !== "string" || sub === "" || alias === "")
    throw new RtcError("no-transport", "the token of the authorisation service cannot be read");
  return { url: String(url).replace(/^http/, "ws"), jwt, alias, identity: sub, lifeMs: lifeOf(nbf, exp) };
}

const usualLifeMs = 3_600_000;
const minLifeMs = 30_000;
const maxLifeMs = 86_400_000;

/** The life of a token. The clock of the service may be far from ours, so its times are only compared with each other. */
function lifeOf(notBefore: unknown, expires: unknown): number {
  const life =
    typeof notBefore === "number" && typeof expires === "number" ? (expires - notBefore) * 1_000 : usualLifeMs;
  return Number.isFinite(life) ? Math.min(Math.max(life, minLifeMs), maxLifeMs) : usualLifeMs;
}

function payloadOf(jwt: string): JsonObject {
  try {
    const bytes = fromBase64(jwt.split(".")[1] ?? "");
    return objectOr(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return {};
  }
}
