// VirtualTimelineEvents: the timeline events of some types in all rooms of a virtual client. Client-server API, syncing.
import { concat, defer, filter, map, type Observable, of } from "rxjs";
import type { TimelineArrival, TimelineEvent } from "../matrix.ts";
import type { SyncedRooms } from "./synced-rooms.ts";

const recentMs = 600_000;

export function virtualTimelineEvents(
  synced: SyncedRooms,
  types: readonly string[],
  serverNow: () => number,
): Observable<readonly TimelineArrival[]> {
  const arrivals = (roomId: string, events: readonly TimelineEvent[]): readonly TimelineArrival[] =>
    events.flatMap((event) => {
      const ageMs = serverNow() - event.originServerTs;
      return types.includes(event.type) && ageMs <= recentMs ? [{ roomId, event, ageMs }] : [];
    });
  const recent$ = defer(() =>
    of(synced.joined().flatMap((roomId) => arrivals(roomId, synced.timelines.timeline(roomId)))),
  );
  const live$ = synced.timelines.timeline$.pipe(
    map((batch) => batch.flatMap((one) => (one.kind === "event" ? arrivals(one.roomId, [one.event]) : []))),
  );
  return concat(recent$, live$).pipe(filter((batch) => batch.length > 0));
}
