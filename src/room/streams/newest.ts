// Newest: the order of events by age. Client-server specification: the later time, and of two at one time the greater event id.
import type { RoomEvent } from "../../matrix.ts";

export const byAge = (a: RoomEvent, b: RoomEvent): number =>
  a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : 1);

export const newest = <E extends RoomEvent>(events: readonly E[]): E | undefined => events.toSorted(byAge).at(-1);
