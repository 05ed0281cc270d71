// LivekitBackend: the requests to the homeserver that find a LiveKit server, made by the SDK's client. protocol.md 6.2, 6.3.
import type { MatrixClient } from "matrix-js-sdk";
import {
  catchError,
  defer,
  finalize,
  from,
  map,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  switchMap,
  throwError,
  timeout,
} from "rxjs";
import type { LivekitBackend, OpenIdToken } from "../livekit/backend.ts";
import { MatrixError, type MatrixErrorKind } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { pathOf, requestTimeoutMs, request } from "./sdk-request.ts";

const stablePrefix = "/_matrix/client/v1";

/** Where a homeserver answers requests about transports. The unstable name first, because servers use it today. */
const transportPrefixes = ["/_matrix/client/unstable/org.matrix.msc4143", stablePrefix];

/** Where a homeserver gives tokens for LiveKit (MSC4195), by its unstable name. */
const unstableTokenPrefix = "/_matrix/client/unstable/io.element.msc4195";

export function livekitBackendOf(client: MatrixClient): LivekitBackend {
  const transportsAt = (prefix: string) =>
    request(client, { method: "GET", prefix, path: pathOf("rtc", "transports"), mayBeMissing: true }).pipe(
      map((answer) => objectOr(answer)["rtc_transports"]),
      map((transports) => (Array.isArray(transports) ? (transports as readonly unknown[]) : undefined)),
      catchError((error: MatrixError) => {
        if (error.kind === "not-found" || error.kind === "unsupported") return of(undefined);
        throw error;
      }),
    );

  return {
    openIdToken: () =>
      defer(() => {
        const path = pathOf("user", client.getSafeUserId(), "openid", "request_token");
        return request(client, { method: "POST", path, body: {} });
      }).pipe(map(tokenIn)),

    rtcTransports: () => {
      const [first = "", second = ""] = transportPrefixes;
      return transportsAt(first).pipe(switchMap((found) => (found ? of(found) : transportsAt(second))));
    },

    livekitToken: ({ url, roomId, slot, memberId, deviceId }) => {
      const common = { url, room_id: roomId, slot_id: slot };
      const ask = (prefix: string, body: object) =>
        request(client, {
          method: "POST",
          prefix,
          path: pathOf("rtc", "livekit", "get_token"),
          body,
          mayBeMissing: true,
        });
      return ask(stablePrefix, { ...common, member_id: memberId }).pipe(
        catchError((error: MatrixError) => {
          if (error.kind !== "not-found" && error.kind !== "unsupported") throw error;
          const member = { id: memberId, claimed_device_id: deviceId };
          return ask(unstableTokenPrefix, { ...common, member });
        }),
      );
    },

    wellKnown: () => wellKnown(client),
  };
}

function tokenIn(answer: unknown): OpenIdToken {
  if (isString(objectOr(answer)["access_token"])) return answer as OpenIdToken;
  throw new MatrixError("network", "the response of the server has no OpenID token");
}

/** The server name of a user id may have a port, which is not the one of the web server. */
const hostOf = (serverName: string): string => /^(\[[^\]]*\]|[^:]*)/.exec(serverName)?.[0] ?? serverName;

/** The errors say what is wrong with the file, because most trouble with calls begins here. */
function wellKnown(client: MatrixClient): Observable<unknown> {
  return defer(() => {
    const ending = new AbortController();
    const url = `https://${hostOf(client.getDomain() ?? "")}/.well-known/matrix/client`;
    const fail = <T>(kind: MatrixErrorKind, about: string): MonoTypeOperatorFunction<T> =>
      catchError(() => throwError(() => new MatrixError(kind, `${url} ${about}`)));
    return from(client.http.fetch(url, { signal: ending.signal })).pipe(
      fail("network", "is out of reach: no web server, or no CORS headers"),
      timeout({
        first: requestTimeoutMs,
        with: () => throwError(() => new MatrixError("timeout", `${url} did not answer in time`)),
      }),
      switchMap((response) => {
        if (response.status === 404) return of(undefined);
        const kind = response.status >= 500 ? "network" : "other";
        if (!response.ok) throw new MatrixError(kind, `${url} answered ${response.status}`);
        return from(response.json() as Promise<unknown>).pipe(fail("other", "is not JSON"));
      }),
      finalize(() => ending.abort()),
    );
  });
}
