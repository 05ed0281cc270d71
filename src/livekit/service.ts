// Service: requests to the authorisation service of a LiveKit transport. protocol.md 6.3, 6.4; section 11, row 14.
import {
  asyncScheduler,
  catchError,
  defer,
  map,
  type MonoTypeOperatorFunction,
  type Observable,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
} from "rxjs";
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import type { Membership, OwnMember, Transport } from "../types.ts";
import type { LivekitBackend, OpenIdToken } from "./backend.ts";
import { contactedServicesOf } from "./contacted-services.ts";
import { type Fetch, post } from "./post.ts";
import { isTransient } from "./retrying.ts";
import { type AddressRules, serviceUrlFault, withoutEndSlashes } from "./service-url.ts";

/** A request to an authorisation service: the service, the call, and our member. */
export interface ServiceRequest {
  /** Our own transport, or the transport of another member. */
  readonly transport: Transport;
  /** The member that names the transport, if it is not our own. Each user can make us contact three addresses within an hour. */
  readonly namedBy?: Pick<Membership, "userId"> | undefined;
  readonly roomId: string;
  readonly slot: string;
  /** Our own member, of a `JoinState`. */
  readonly member: OwnMember;
}

/** How to contact an authorisation service. */
export interface ServiceOptions {
  /** Used instead of the platform's `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** Accept `http:` and `ws:` addresses of other machines, and private addresses. For development. Default false. */
  readonly allowInsecure?: boolean | undefined;
  /**
   * Decides about an address that our own discovery did not find. The service behind it gets an OpenID token, which proves
   * who we are. Return false to send nothing. Default: every address that is safe.
   */
  readonly mayAsk?: ((url: string, namedBy: Pick<Membership, "userId"> | undefined) => boolean) | undefined;
}

type Backend = Pick<LivekitBackend, "openIdToken" | "changes$">;

/** Sends a request with a new OpenID token. `more` is added to the body; services reject any other field. */
export function askService(
  backend: Backend,
  request: ServiceRequest,
  path: "/sfu/get" | "/get_token" | "/delegate_delayed_leave",
  options: ServiceOptions,
  more: object = {},
): Observable<unknown> {
  const { fetch = globalThis.fetch } = options;
  const bodyOf = path === "/sfu/get" ? legacyBody : body;
  return defer(() => {
    const url = addressOf(backend, request, options);
    return backend.openIdToken().pipe(
      take(1),
      throwIfEmpty(() => new MatrixError("network", "the homeserver gave no OpenID token")),
      switchMap((openIdToken) => post(fetch, url + path, { ...bodyOf(request, openIdToken), ...more })),
    );
  });
}

/** How strict we are with the addresses of a request: our own discovery is trusted, another member is not. */
export function rulesFor(
  backend: Backend,
  request: ServiceRequest,
  { allowInsecure = false }: ServiceOptions,
): AddressRules {
  const { livekit_service_url: url } = objectOr(request.transport);
  return { isOwn: isString(url) && contactedServicesOf(backend).isOwn(withoutEndSlashes(url)), allowInsecure };
}

/** Asks our homeserver for a token of a transport of the newest MSC4195. It answers with the token alone. */
export function askHomeserver(
  backend: Pick<LivekitBackend, "livekitToken">,
  { transport, roomId, slot, member }: ServiceRequest,
): Observable<unknown> {
  const { url } = transport;
  const { memberId, deviceId } = member;
  if (!backend.livekitToken || url === undefined)
    return throwError(
      () => new RtcError("no-transport", "the transport needs an address, and a port with livekitToken"),
    );
  return backend.livekitToken({ url, roomId, slot, memberId, deviceId }).pipe(
    take(1),
    map((answer) => ({ ...objectOr(answer), url })),
  );
}

/** Turns errors into an `RtcError`: `request-failed` for a temporary one, `no-transport` for a definite one. */
export function mapErrors<T>(message: string): MonoTypeOperatorFunction<T> {
  return catchError((cause: unknown) => {
    if (cause instanceof RtcError) throw cause;
    const code = isTransient(cause) ? "request-failed" : "no-transport";
    throw new RtcError(code, cause instanceof MatrixError ? cause.message : message, { cause });
  });
}

/** The address of the service, without slashes at its end. Throws if we do not contact it. */
function addressOf(backend: Backend, request: ServiceRequest, options: ServiceOptions): string {
  const { type, livekit_service_url } = objectOr(request.transport);
  if (type !== "livekit") throw new RtcError("no-transport", "the transport is no LiveKit transport");
  const rules = rulesFor(backend, request, options);
  const fault =
    serviceUrlFault(livekit_service_url, rules) ?? (rules.isOwn ? undefined : refusal(backend, request, options));
  if (fault !== undefined) throw new RtcError("no-transport", `the address of the authorisation service ${fault}`);
  return withoutEndSlashes(String(livekit_service_url));
}

/** Why we do not send a token to an address that we have not found ourselves. */
function refusal(
  backend: Backend,
  { transport, namedBy }: ServiceRequest,
  { mayAsk }: ServiceOptions,
): string | undefined {
  const url = withoutEndSlashes(transport.livekit_service_url ?? "");
  if (mayAsk && !mayAsk(url, namedBy)) return "is not allowed by mayAsk";
  return contactedServicesOf(backend).contact(url, namedBy?.userId, asyncScheduler.now());
}

function legacyBody({ roomId, member }: ServiceRequest, openIdToken: OpenIdToken) {
  return { room: roomId, openid_token: openIdToken, device_id: member.deviceId };
}

function body({ roomId, slot, member }: ServiceRequest, openIdToken: OpenIdToken) {
  return {
    room_id: roomId,
    slot_id: slot,
    openid_token: openIdToken,
    member: { id: member.memberId, claimed_user_id: member.userId, claimed_device_id: member.deviceId },
  };
}
