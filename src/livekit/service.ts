// Service: requests to the authorisation service of a LiveKit transport. protocol.md 6.3, 6.4.
import { catchError, defer, type MonoTypeOperatorFunction, type Observable, switchMap, take, throwError } from "rxjs";
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import type { OwnMember, Transport } from "../types.ts";
import type { LivekitBackend, OpenIdToken } from "./backend.ts";
import { type Fetch, post } from "./post.ts";
import { isTransient } from "./retrying.ts";
import { isLivekitTransport } from "./livekit-transport.ts";

/** A request to an authorisation service: the service, the call, and our member. */
export interface ServiceRequest {
  /** Our own transport, or the transport of another member. */
  readonly transport: Transport;
  readonly roomId: string;
  readonly slot: string;
  /** Our own member. */
  readonly member: Pick<OwnMember, "kind" | "userId" | "deviceId" | "memberId">;
}

/** How to contact an authorisation service. */
export interface ServiceOptions {
  /** Used instead of the platform's `fetch`. */
  readonly fetch?: Fetch;
  /** Accept `http:` and `ws:` addresses of other machines. Default false. */
  readonly allowInsecure?: boolean;
}

/** Sends a request with a new OpenID token. `more` is added to the body; services reject any other field. */
export function askService(
  backend: Pick<LivekitBackend, "openIdToken">,
  request: ServiceRequest,
  path: "/sfu/get" | "/get_token" | "/delegate_delayed_leave",
  { fetch = globalThis.fetch, allowInsecure = false }: ServiceOptions,
  more: object = {},
): Observable<unknown> {
  const { transport } = request;
  if (!isLivekitTransport(transport, allowInsecure))
    return throwError(() => new RtcError("no-transport", "the transport is no LiveKit transport with a safe address"));
  const bodyOf = path === "/sfu/get" ? legacyBody : body;
  const url = transport.livekit_service_url.replace(/\/+$/, "") + path;
  return defer(() => backend.openIdToken()).pipe(
    take(1),
    switchMap((openIdToken) => post(fetch, url, { ...bodyOf(request, openIdToken), ...more })),
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
