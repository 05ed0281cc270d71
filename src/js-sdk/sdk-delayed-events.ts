// SdkDelayedEvents: updates delayed events (MSC4140), and reads the limits of the server. protocol.md 4.6.
import type { MatrixClient } from "matrix-js-sdk";
import { asyncScheduler, catchError, defer, ignoreElements, map, type Observable, of, switchMap } from "rxjs";
import type { Matrix, MatrixError } from "../matrix.ts";
import { objectOr } from "../room/json.ts";
import { maxDelayFieldMs } from "../room/server-times.ts";
import { olderUpdateRequest, updateRequest } from "./event-requests.ts";
import { delayedEventsFeature, hasFeature } from "./features.ts";
import { matrixError } from "./matrix-error.ts";
import { portErrors, request } from "./sdk-request.ts";

export function delayedEventsOf(client: MatrixClient): Pick<Matrix, "updateDelayedEvent" | "delayedEventLimits"> {
  return {
    updateDelayedEvent: (delayId, action, options) => {
      if (options?.keepalive) return updateWithKeepalive(client, delayId, action);
      return request(client, updateRequest(delayId, action)).pipe(
        catchError((error: MatrixError) => {
          if (error.kind !== "unsupported") throw error;
          return request(client, olderUpdateRequest(delayId, action));
        }),
        ignoreElements(),
      );
    },

    delayedEventLimits: () =>
      hasFeature(client, delayedEventsFeature).pipe(
        switchMap((hasThem) => (hasThem ? limitsOf(client) : of<false>(false))),
      ),
  };
}

/**
 * Outlives a closing page. The request is sent at once, and unsubscribing does not abort it, because a closing page
 * unsubscribes.
 */
function updateWithKeepalive(client: MatrixClient, delayId: string, action: string): Observable<never> {
  return defer(async () => {
    const toSend = updateRequest(delayId, action);
    const { method, prefix, path } = toSend;
    const response = await client.http.fetch(client.http.getUrl(path, undefined, prefix), {
      method,
      headers: { Authorization: `Bearer ${client.getAccessToken()}` },
      keepalive: true,
    });
    if (response.ok) return;
    const data: unknown = await response.json().catch(() => ({}));
    const { status: httpStatus, headers: httpHeaders } = response;
    const failure = { data, errcode: objectOr(data)["errcode"], httpStatus, httpHeaders };
    throw matrixError(failure, asyncScheduler.now(), toSend);
  }).pipe(portErrors(), ignoreElements());
}

/** A server that does not state its limits may have any: scheduling finds out. */
function limitsOf(client: MatrixClient): Observable<false | { readonly maxDelayMs?: number }> {
  return defer(() => client.getCapabilities()).pipe(
    map((capabilities) => limitsIn(capabilities)),
    catchError(() => of({})),
  );
}

/** Reads the capability under its stable or its unstable name. */
function limitsIn(capabilities: object): false | { readonly maxDelayMs?: number } {
  const { "m.delayed_events": stable, "org.matrix.msc4140.delayed_events": unstable } = objectOr(capabilities);
  const { max_scheduled: maxScheduled, max_delay_ms } = objectOr(stable ?? unstable);
  const maxDelayMs = maxDelayFieldMs(max_delay_ms);
  if (maxScheduled === 0) return false;
  return maxDelayMs === undefined ? {} : { maxDelayMs };
}
