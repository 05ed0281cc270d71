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

/** Leaves out the oldest events of senders that exceed the limits. It takes little more than one look at each event. */
export function withinLimits(events: readonly RoomEvent[]): LimitedEvents {
  const senders = events.length > maxPerSender ? sendersOfMany(events) : undefined;
  if (!senders || senders.size === 0) return { kept: events, exceeded: [] };
  const kept = events.filter(({ sender }) => !senders.has(sender));
  const newest = new Map<string, { readonly claims: Newest; readonly others: Newest }>();
  for (const event of events) {
    const { sender } = event;
    if (!senders.has(sender)) continue;
    const ofSender = newest.get(sender) ?? { claims: new Newest(), others: new Newest() };
    newest.set(sender, ofSender);
    (mayClaim(event) ? ofSender.claims : ofSender.others).add(event);
  }
  const exceeded: { sender: string; mayClaim: boolean }[] = [];
  for (const [sender, { claims, others }] of newest) {
    kept.push(...claims.trimmed(), ...others.trimmed());
    if (claims.hasDropped) exceeded.push({ sender, mayClaim: true });
    if (others.hasDropped) exceeded.push({ sender, mayClaim: false });
  }
  return { kept, exceeded };
}

/** The senders of more events than one sender may have of one sort. */
function sendersOfMany(events: readonly RoomEvent[]): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { sender } of events) counts.set(sender, (counts.get(sender) ?? 0) + 1);
  const many = new Set<string>();
  for (const [sender, count] of counts) if (count > maxPerSender) many.add(sender);
  return many;
}

/** The newest of many events. It sorts a few at a time, and skips those that are older than what it has. */
class Newest {
  hasDropped = false;
  #events: RoomEvent[] = [];
  #oldest: RoomEvent | undefined;

  add(event: RoomEvent): void {
    if (this.#oldest && byNewest(this.#oldest, event) < 0) return;
    this.#events.push(event);
    if (this.#events.length >= 2 * maxPerSender) this.trimmed();
  }

  trimmed(): readonly RoomEvent[] {
    if (this.#events.length <= maxPerSender) return this.#events;
    this.#events = this.#events.toSorted(byNewest).slice(0, maxPerSender);
    this.#oldest = this.#events.at(-1);
    this.hasDropped = true;
    return this.#events;
  }
}
