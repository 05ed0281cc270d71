// A past of 10,000 membership events: everybody joins, then everybody leaves, again and again, an event each minute.
import { NEVER, of, Subject } from "rxjs";
import type { Matrix, PastEvent, RoomChange } from "../../src/matrix.ts";

const users = 50;
const minuteMs = 60_000;
export const eventCount = 10_000;

export const eventAt = (index: number): PastEvent => {
  const sender = `@user${index % users}:example.org`;
  const isJoin = Math.floor(index / users) % 2 === 0;
  const joined = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };
  return {
    type: "org.matrix.msc3401.call.member",
    sender,
    stateKey: `_${sender}_P_m.call`,
    eventId: `$${index}`,
    originServerTs: 1e12 + index * minuteMs,
    encryption: "cleartext",
    content: isJoin ? joined : {},
  };
};

/** All events, the newest first, as a server sends them. */
export const past = (): PastEvent[] =>
  Array.from({ length: eventCount }, (_, index) => eventAt(eventCount - 1 - index));

/** A port with a past and nothing else. `change$` reports what happens after it. */
export function portWithPast(events: readonly PastEvent[]) {
  const change$ = new Subject<readonly RoomChange[]>();
  const states = new Map<string, PastEvent>();
  const matrix: Pick<
    Matrix,
    "userId" | "deviceId" | "changes$" | "rooms" | "stateEvents" | "stateEvent" | "stickyEvents" | "olderEvents"
  > &
    Partial<Matrix> = {
    userId: "@user0:example.org",
    deviceId: "P",
    changes$: change$,
    toDevice$: NEVER,
    rooms: () => ["!room"],
    stateEvents: () => [],
    stateEvent: (_, __, stateKey) => states.get(stateKey),
    stickyEvents: () => [],
    olderEvents: (_, { from = "0", limit }) => {
      const end = Number(from) + limit;
      return of({ events: events.slice(Number(from), end), ...(end < events.length && { next: String(end) }) });
    },
  };
  const happen = (event: PastEvent) => {
    states.set(event.stateKey!, event);
    change$.next([{ kind: "state", roomId: "!room", type: event.type, stateKey: event.stateKey! }]);
  };
  return { matrix: matrix as Matrix, happen };
}
