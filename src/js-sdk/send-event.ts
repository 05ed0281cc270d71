// SendEvent: sends state and timeline events, at once or delayed. protocol.md 4.6.
import type { MatrixClient } from "matrix-js-sdk";
import { map, switchMap } from "rxjs";
import { type Matrix, MatrixError, type OutgoingEvent } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { wireOf } from "./encrypt.ts";
import { scheduleRequest, sendRequest } from "./event-requests.ts";
import { delayedEventsFeature, requireFeatures, stickyEventsFeature } from "./features.ts";
import { request } from "./sdk-request.ts";

export function eventsOf(client: MatrixClient): Pick<Matrix, "send" | "schedule"> {
  return {
    send: (event) =>
      requireFeatures(client, stickyFeatureFor(event)).pipe(
        switchMap(() => wireOf(client, event)),
        switchMap((wire) => request(client, sendRequest(event, wire))),
        map((response) => stringIn(response, "event_id")),
      ),

    schedule: (event, delayMs) =>
      requireFeatures(client, [delayedEventsFeature, ...stickyFeatureFor(event)]).pipe(
        switchMap(() => request(client, scheduleRequest(event, delayMs))),
        map(delayIdIn),
      ),
  };
}

const stickyFeatureFor = (event: OutgoingEvent): string[] =>
  event.stickyMs === undefined ? [] : [stickyEventsFeature];

/** A server that announces delayed events without having them ignores the delay and sends the event at once. */
function delayIdIn(response: unknown): string {
  const { delay_id, event_id } = objectOr(response);
  if (delay_id === undefined && isString(event_id))
    throw new MatrixError("unsupported", "the server has sent the delayed event at once");
  return stringIn(response, "delay_id");
}

/** A successful response without its id is not one of a Matrix server. */
function stringIn(response: unknown, key: string): string {
  const value = objectOr(response)[key];
  if (isString(value)) return value;
  throw new MatrixError("network", `the response of the server has no ${key}`);
}
