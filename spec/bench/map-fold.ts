// MapFold: the floor of every comparison: a Map by key and the list of its values. No expiry, no order, no rejections, no
// check that a sender is in the room, no kept identities.
import type { RawEvent } from "./call-events.ts";

export interface FloorMember {
  readonly userId: string;
  readonly deviceId: string;
  readonly transports: unknown;
  readonly createdTs: number;
  readonly eventId: string;
}

export class MapFold {
  readonly #members = new Map<string, FloorMember>();
  #list: readonly FloorMember[] = [];

  get members(): readonly FloorMember[] {
    return this.#list;
  }

  apply(events: readonly RawEvent[]): void {
    for (const event of events) this.#put(event);
    this.#list = [...this.#members.values()];
  }

  #put(event: RawEvent): void {
    const { content } = event;
    const key = event.state_key ?? `${event.sender} ${content["msc4354_sticky_key"]}`;
    const member = content["application"] ? memberIn(event) : undefined;
    if (member) this.#members.set(key, member);
    else this.#members.delete(key);
  }
}

function memberIn({ content, sender, origin_server_ts, event_id }: RawEvent): FloorMember | undefined {
  const { device_id, member } = content;
  const deviceId = member ? (member as Record<string, unknown>)["device_id"] : device_id;
  if (typeof deviceId !== "string") return undefined;
  const transports = content["foci_preferred"] ?? (content["transports"] as Record<string, unknown>)["published"];
  if (!Array.isArray(transports) || !transports.every(({ type }) => typeof type === "string")) return undefined;
  return { userId: sender, deviceId, transports, createdTs: origin_server_ts, eventId: event_id };
}
