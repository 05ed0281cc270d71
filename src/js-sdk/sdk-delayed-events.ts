// Delayed events (MSC4140): managing them, and what the server allows. protocol.md 4.6.
import type { MatrixClient } from "matrix-js-sdk";
import { asyncScheduler, catchError, defer, ignoreElements, map, type Observable, of, switchMap } from "rxjs";
import type { Matrix, MatrixError } from "../matrix.ts";
import { isFiniteNumber, objectOr } from "../room/json.ts";
import { manageRequest, olderManageRequest } from "./event-requests.ts";
import { delayedEventsFeature, hasFeature } from "./features.ts";
import { matrixError } from "./matrix-error.ts";
import { portErrors, request } from "./sdk-request.ts";

export function delayedEventsOf(client: MatrixClient): Pick<Matrix, "updateDelayedEvent" | "delayedEventLimits"> {
  return {
    updateDelayedEvent: (delayId, action, options) => {
      if (options?.keepalive) return outlivingThePage(client, delayId, action);
      return request(client, manageRequest(delayId, action)).pipe(
        catchError((error: MatrixError) => {
          if (error.kind !== "unsupported") throw error;
          return request(client, olderManageRequest(delayId, action));
        }),
        ignoreElements(),
      );
    },

    delayedEventLimits: () =>
      hasFeature(client, delayedEventsFeature).pipe(
        switchMap((isThere) => (isThere ? limitsOf(client) : of<false>(false))),
      ),
  };
}

/** Not aborted by unsubscribing: whoever closes a page unsubscribes. Nor does it wait for anything before it is sent. */
function outlivingThePage(client: MatrixClient, delayId: string, action: string): Observable<never> {
  return defer(async () => {
    const { method, prefix, path, secrets } = manageRequest(delayId, action);
    const response = await client.http.fetch(client.http.getUrl(path, undefined, prefix), {
      method,
      headers: { Authorization: `Bearer ${client.getAccessToken()}` },
      keepalive: true,
    });
    if (response.ok) return;
    const data: unknown = await response.json().catch(() => ({}));
    const { status: httpStatus, headers: httpHeaders } = response;
    throw matrixError(
      { data, errcode: objectOr(data)["errcode"], httpStatus, httpHeaders },
      asyncScheduler.now(),
      secrets,
    );
  }).pipe(portErrors(), ignoreElements());
}

/** A server that does not tell may allow what it likes: scheduling will show. */
function limitsOf(client: MatrixClient): Observable<false | { readonly maxDelayMs?: number }> {
  return defer(() => client.getCapabilities()).pipe(
    map((capabilities) => limitsIn(capabilities)),
    catchError(() => of({})),
  );
}

/** By the name of the capability of today, or of tomorrow. */
function limitsIn(capabilities: object): false | { readonly maxDelayMs?: number } {
  const { "m.delayed_events": stable, "org.matrix.msc4140.delayed_events": unstable } = objectOr(capabilities);
  const { max_scheduled: mostAtOnce, max_delay_ms: maxDelayMs } = objectOr(stable ?? unstable);
  if (mostAtOnce === 0) return false;
  return isFiniteNumber(maxDelayMs) ? { maxDelayMs } : {};
}
