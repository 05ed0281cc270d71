// Service: what the authorisation service of a LiveKit transport is asked, and by whom. protocol.md 6.3, 6.4.
import { catchError, defer, type MonoTypeOperatorFunction, type Observable, switchMap, take, throwError } from "rxjs";
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import type { OwnMember, Transport } from "../types.ts";
import type { LivekitBackend, OpenIdToken } from "./backend.ts";
import { type Fetch, post } from "./post.ts";
import { isTransient } from "./retrying.ts";
import { isLivekitTransport } from "./livekit-transport.ts";

/** Who asks, and where. */
export interface ServiceRequest {
  /** Our own transport, or the one that another member publishes on. */
  readonly transport: Transport;
  readonly roomId: string;
  readonly slot: string;
  /** Our own member. */
  readonly member: Pick<OwnMember, "kind" | "userId" | "deviceId" | "memberId">;
}

export interface ServiceOptions {
  /** In place of the platform's `fetch`. */
  readonly fetch?: Fetch;
  /** Accept plain `http:` and `ws:` elsewhere than on this machine. Default false. */
  readonly allowInsecure?: boolean;
}

/** Asks with a fresh OpenID token; `more` is added to the body, to which nothing else may be. */
export function askService(
  backend: Pick<LivekitBackend, "openIdToken">,
  request: ServiceRequest,
  path: "/sfu/get" | "/get_token" | "/delegate_delayed_leave",
  { fetch = globalThis.fetch, allowInsecure = false }: ServiceOptions,
  more: object = {},
): Observable<unknown> {
  const { transport } = request;
  if (!isLivekitTransport(transport, allowInsecure))
    return throwError(() => new RtcError("no-transport", "not a LiveKit transport with a safe address"));
  const bodyOf = path === "/sfu/get" ? legacyBody : body;
  const url = transport.livekit_service_url.replace(/\/+$/, "") + path;
  return defer(() => backend.openIdToken()).pipe(
    take(1),
    switchMap((openIdToken) => post(fetch, url, { ...bodyOf(request, openIdToken), ...more })),
  );
}

/** What cannot go on, as an `RtcError`. */
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
