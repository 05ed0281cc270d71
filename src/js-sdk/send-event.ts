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
        map((answer) => stringIn(answer, "event_id")),
      ),

    schedule: (event, delayMs) =>
      requireFeatures(client, [delayedEventsFeature, ...stickyFeatureFor(event)]).pipe(
        switchMap(() => request(client, scheduleRequest(event, delayMs))),
        map((answer) => stringIn(answer, "delay_id")),
      ),
  };
}

const stickyFeatureFor = (event: OutgoingEvent): string[] =>
  event.stickyMs === undefined ? [] : [stickyEventsFeature];

function stringIn(answer: unknown, key: string): string {
  const value = objectOr(answer)[key];
  if (isString(value)) return value;
  throw new MatrixError("other", `the server's answer has no ${key}`);
}
