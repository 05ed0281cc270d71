// Events out: sending, scheduling, and managing what is scheduled. protocol.md 4.6.
import type { MatrixClient } from "matrix-js-sdk";
import {
  asyncScheduler,
  catchError,
  concatMap,
  defer,
  forkJoin,
  ignoreElements,
  map,
  type Observable,
  of,
  switchMap,
} from "rxjs";
import { type Matrix, MatrixError } from "../matrix.ts";
import { isFiniteNumber, isString, objectOr } from "../room/json.ts";
import { wireOf } from "./encrypt.ts";
import { manageRequest, olderManageRequest, scheduleRequest, sendRequest } from "./event-requests.ts";
import { matrixError } from "./matrix-error.ts";
import { portErrors, request } from "./request.ts";

const delayedEventsFeature = "org.matrix.msc4140";
const stickyEventsFeature = "org.matrix.msc4354";

type Effects = Pick<Matrix, "send" | "schedule" | "manageDelayed" | "delayedEvents">;

export function eventsOf(client: MatrixClient): Effects {
  const has = (feature: string) =>
    defer(() => client.doesServerSupportUnstableFeature(feature)).pipe(portErrors<boolean>());

  /** A server that lacks a feature takes no notice of its parameter: it would send a delayed leave at once. */
  const requireFeatures = (...features: string[]): Observable<unknown> =>
    forkJoin(features.map(has)).pipe(
      map((found) => {
        const missing = features[found.indexOf(false)];
        if (missing !== undefined) throw new MatrixError("unsupported", `the server lacks ${missing}`);
      }),
    );

  return {
    send: (event) => {
      const features = event.stateKey === undefined ? requireFeatures(stickyEventsFeature) : of(undefined);
      return features.pipe(
        switchMap(() => wireOf(client, event)),
        switchMap((wire) => request(client, sendRequest(event, wire))),
        map((answer) => stringIn(answer, "event_id")),
      );
    },

    schedule: (event, delayMs) => {
      const sticky = event.stateKey === undefined ? [stickyEventsFeature] : [];
      return requireFeatures(delayedEventsFeature, ...sticky).pipe(
        switchMap(() => request(client, scheduleRequest(event, delayMs))),
        map((answer) => stringIn(answer, "delay_id")),
      );
    },

    manageDelayed: (delayId, action, options) => {
      if (options?.keepalive) return outlivingThePage(client, delayId, action);
      return request(client, manageRequest(delayId, action)).pipe(
        catchError((error: MatrixError) => {
          if (error.kind !== "unsupported") throw error;
          return request(client, olderManageRequest(delayId, action));
        }),
        ignoreElements(),
      );
    },

    delayedEvents: () =>
      has(delayedEventsFeature).pipe(
        concatMap((isThere) =>
          isThere ? defer(() => client.getCapabilities()).pipe(map(allowed), unlessUnknown) : of(false as const),
        ),
      ),
  };
}

/** Not aborted by unsubscribing: whoever closes a page unsubscribes. */
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
    const failure = {
      data,
      errcode: objectOr(data)["errcode"],
      httpStatus: response.status,
      httpHeaders: response.headers,
    };
    throw matrixError(failure, asyncScheduler.now(), secrets);
  }).pipe(portErrors(), ignoreElements());
}

/** The limits of the capability, by its name of today or of tomorrow. */
function allowed(capabilities: object): false | { readonly maxDelayMs?: number } {
  const found = { ...capabilities } as Readonly<Record<string, unknown>>;
  const limits = objectOr(found["m.delayed_events"] ?? found["org.matrix.msc4140.delayed_events"]);
  if (limits["max_scheduled"] === 0) return false;
  const maxDelayMs = limits["max_delay_ms"];
  return isFiniteNumber(maxDelayMs) ? { maxDelayMs } : {};
}

/** Whoever does not say what it allows may allow it: scheduling will tell. */
const unlessUnknown = <T>(source: Observable<T>): Observable<T | Record<string, never>> =>
  source.pipe(catchError(() => of({})));

function stringIn(answer: unknown, key: string): string {
  const value = objectOr(answer)[key];
  if (isString(value)) return value;
  throw new MatrixError("other", `the server's answer has no ${key}`);
}
