// EventRequests: the requests that send events, schedule them and update delayed ones. Pure. protocol.md 4.6.
import type { OutgoingEvent } from "../matrix.ts";
import { pathOf, type Request, unstable } from "./sdk-request.ts";

const delay = "org.matrix.msc4140.delay";
const sticky = "org.matrix.msc4354.sticky_duration_ms";
const delayedEvents = `${unstable}/org.matrix.msc4140`;

/** An event on the wire. In an encrypted room its type and content differ from those of the event. */
export interface Wire {
  readonly type: string;
  readonly content: object;
}

export function sendRequest(event: OutgoingEvent, { type, content }: Wire = event): Request {
  if (event.stateKey !== undefined) {
    return { method: "PUT", path: pathOf("rooms", event.roomId, "state", type, event.stateKey), body: content };
  }
  const path = pathOf("rooms", event.roomId, "send", type, event.txnId);
  const query = event.stickyMs === undefined ? {} : { [sticky]: event.stickyMs };
  return { method: "PUT", path, query, body: content };
}

/** Delayed events are sent in cleartext, also in encrypted rooms. */
export function scheduleRequest(event: OutgoingEvent, delayMs: number): Request {
  const request = sendRequest(event);
  return { ...request, query: { [delay]: delayMs, ...request.query } };
}

export function updateRequest(delayId: string, action: string): Request {
  return {
    method: "POST",
    prefix: delayedEvents,
    path: pathOf("delayed_events", delayId, action),
    secrets: secretsOf(delayId),
    mayBeMissing: true,
  };
}

/** For older servers, which expect the action in the body. */
export function olderUpdateRequest(delayId: string, action: string): Request {
  return { ...updateRequest(delayId, action), path: pathOf("delayed_events", delayId), body: { action } };
}

const secretsOf = (delayId: string) => [delayId, encodeURIComponent(delayId)];
