// The requests that send, schedule and manage events. Pure. protocol.md 4.6.
import type { OutgoingEvent } from "../matrix.ts";
import { pathOf, type Request, unstable } from "./sdk-request.ts";

const delay = "org.matrix.msc4140.delay";
const sticky = "org.matrix.msc4354.sticky_duration_ms";
const delayedEvents = `${unstable}/org.matrix.msc4140`;

/** What goes over the wire: in an encrypted room another type and content than what is meant. */
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

/** Delayed events travel in the clear, in encrypted rooms too. */
export function scheduleRequest(event: OutgoingEvent, delayMs: number): Request {
  const request = sendRequest(event);
  return { ...request, query: { [delay]: delayMs, ...request.query } };
}

export function manageRequest(delayId: string, action: string): Request {
  return {
    method: "POST",
    prefix: delayedEvents,
    path: pathOf("delayed_events", delayId, action),
    secrets: secretsOf(delayId),
  };
}

/** For servers of before the action moved into the path. */
export function olderManageRequest(delayId: string, action: string): Request {
  return { ...manageRequest(delayId, action), path: pathOf("delayed_events", delayId), body: { action } };
}

const secretsOf = (delayId: string) => [delayId, encodeURIComponent(delayId)];
