// Sender limits: only the newest state events of each sender are read. One user can have any number of state keys.
import type { RoomEvent } from "../matrix.ts";
import { isObject } from "../room/json.ts";
import { byText } from "./order.ts";

/**
 * How many events of each sort are kept for one sender: state events that may claim a membership, state events that do not,
 * sticky events with a key, and sticky events without. Above it, the event of the lowest precedence is dropped.
 */
export const maxPerSender = 100;

/** Whether a state event may claim a membership: it says for which application. */
export const mayClaim = ({ content }: RoomEvent): boolean =>
  isObject(content) && ("application" in content || "m.application" in content);

/** Below zero if `a` takes precedence over `b`: the newer state event, then the greater event id. */
export const byNewest = (a: RoomEvent, b: RoomEvent): number =>
  b.originServerTs - a.originServerTs || byText(b.eventId, a.eventId);

/** The events within the limits, and for each sender that exceeds them what sorts of events were left out. */
export interface LimitedEvents {
  readonly kept: readonly RoomEvent[];
  readonly exceeded: readonly { readonly sender: string; readonly mayClaim: boolean }[];
}

/** Leaves out the oldest events of senders that exceed the limits. */
export function withinLimits(events: readonly RoomEvent[]): LimitedEvents {
  const senders = new Set(events.map(({ sender }) => sender));
  // If a sender had more events than it may, there would be fewer senders.
  if (events.length - senders.size < maxPerSender) return { kept: events, exceeded: [] };
  const exceeded: { sender: string; mayClaim: boolean }[] = [];
  const newest = (sort: readonly RoomEvent[], sender: string, claims: boolean) => {
    if (sort.length <= maxPerSender) return sort;
    exceeded.push({ sender, mayClaim: claims });
    return sort.toSorted(byNewest).slice(0, maxPerSender);
  };
  const kept = [...Map.groupBy(events, ({ sender }) => sender)].flatMap(([sender, ofSender]) => {
    if (ofSender.length <= maxPerSender) return ofSender;
    return [...Map.groupBy(ofSender, mayClaim)].flatMap(([claims, sort]) => newest(sort, sender, claims));
  });
  return { kept, exceeded };
}
