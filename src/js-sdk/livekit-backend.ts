// LivekitBackend: the requests to the homeserver that find a LiveKit server, made by the SDK's client. protocol.md 6.2, 6.3.
import type { MatrixClient } from "matrix-js-sdk";
import { catchError, defer, finalize, from, map, type Observable, of, switchMap, timeout } from "rxjs";
import type { LivekitBackend, OpenIdToken } from "../livekit/backend.ts";
import { MatrixError } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { pathOf, requestTimeoutMs, request, unstable } from "./sdk-request.ts";

/** The unstable name first, because servers use it today. */
const transportPrefixes = [`${unstable}/org.matrix.msc4143`, "/_matrix/client/v1"];

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

    wellKnown: () => wellKnown(client),
  };
}

function tokenIn(answer: unknown): OpenIdToken {
  if (isString(objectOr(answer)["access_token"])) return answer as OpenIdToken;
  throw new MatrixError("network", "the response of the server has no OpenID token");
}

/** A domain without a web server looks like one that is out of reach. Both count as having no such file. */
function wellKnown(client: MatrixClient): Observable<unknown> {
  return defer(() => {
    const ending = new AbortController();
    const url = `https://${client.getDomain()}/.well-known/matrix/client`;
    const answer = client.http
      .fetch(url, { signal: ending.signal })
      .then((response) => (response.ok ? (response.json() as unknown) : undefined));
    return from(answer).pipe(finalize(() => ending.abort()));
  }).pipe(
    timeout({ first: requestTimeoutMs }),
    catchError(() => of(undefined)),
  );
}
