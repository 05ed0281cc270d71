import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rtcSessions, watchSession } from "../../src/index.ts";
import type { RoomEvent } from "../../src/matrix.ts";
import { mayClaim, withinLimits } from "../../src/membership/sender-limits.ts";
import { alice, bob, hourMs, roomCall, roomId, stateContent, stateEvent } from "../support/contents.ts";
import { runs } from "../support/properties.ts";
import { joins, roomOfThree, watching } from "../support/watching.ts";

/** The events of one sender that has many, sorted as a whole. */
function newest(events: readonly RoomEvent[], sender: string, claims: boolean): readonly RoomEvent[] {
  const ofSort = events.filter((event) => event.sender === sender && mayClaim(event) === claims);
  const byAge = (a: RoomEvent, b: RoomEvent) => a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : 1);
  return ofSort.toSorted(byAge).slice(-100);
}

describe("withinLimits", () => {
  it("keeps the newest 100 joins and the newest 100 other events of each sender, in any order", () => {
    const event = fc.record({
      sender: fc.constantFrom(alice, alice, alice, bob),
      isJoin: fc.boolean(),
      ts: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 900, size: "max" }), (drafts) => {
        const events = drafts.map(({ sender, isJoin, ts }, n) =>
          stateEvent(isJoin ? { application: "m.call" } : {}, { sender, originServerTs: ts, eventId: `$${n}` }),
        );
        const ids = (list: readonly RoomEvent[]) => list.map(({ eventId }) => eventId).toSorted();
        const sorts = [alice, bob].flatMap((sender) => [true, false].map((claims) => newest(events, sender, claims)));
        expect(ids(withinLimits(events).kept)).toEqual(ids(sorts.flat()));
      }),
      { numRuns: runs(100) },
    );
  });
});

describe("A user with 20,000 state keys", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 100 * hourMs }));
  afterEach(() => void vi.useRealTimers());

  /** A room with the joins of Bob on many devices, oldest first, and how many of its events were parsed. */
  function crowded() {
    const client = roomOfThree();
    let parsed = 0;
    const counted = (content: object) =>
      Object.defineProperty({ ...content }, "focus_active", {
        enumerable: true,
        get: () => ((parsed += 1), { type: "livekit" }),
      });
    for (let n = 0; n < 20_000; n += 1) {
      const event = stateEvent(counted(stateContent({ device_id: `D${n}` })), { sender: bob, stateKey: `${n}` });
      client.setState(roomId, { ...event, originServerTs: Date.now() - 20_000 + n });
    }
    return {
      client,
      parsesIn: (act: () => unknown) => {
        parsed = 0;
        act();
        return parsed;
      },
    };
  }

  it("costs as little as one with a hundred, for each read without a subscriber", () => {
    const { client, parsesIn } = crowded();
    const session = watchSession(client, { roomId, slot: roomCall });
    const { active$ } = rtcSessions(client, roomCall);
    expect(parsesIn(() => session.membership$.value)).toBeLessThanOrEqual(1_000);
    expect(parsesIn(() => session.rejected$.value)).toBeLessThanOrEqual(1_000);
    expect(parsesIn(() => active$.value)).toBeLessThanOrEqual(1_000);
  });

  it("costs as little as one with a hundred, for each look at the last member of an active call", () => {
    const { client, parsesIn } = crowded();
    const { active$ } = rtcSessions(client, roomCall);
    const watched = active$.subscribe();
    expect(parsesIn(() => client.emit({ kind: "room", roomId }))).toBeLessThanOrEqual(1_000);
    expect(parsesIn(() => client.emit(client.setMembership(roomId, bob, "join")))).toBeLessThanOrEqual(1_000);
    const other = stateEvent(stateContent({ device_id: "X" }), {
      sender: bob,
      stateKey: "x",
      originServerTs: Date.now(),
    });
    expect(parsesIn(() => client.emit(client.setState(roomId, other)))).toBeLessThanOrEqual(1_000);
    watched.unsubscribe();
  });

  it("costs as little as one with a hundred if all their events come in one sync response", () => {
    const { client, parsesIn } = crowded();
    const { membership$ } = watching({}, client);
    const { active$ } = rtcSessions(client, roomCall);
    const watched = membership$.subscribe();
    watched.add(active$.subscribe());
    const type = "org.matrix.msc3401.call.member";
    const copies = Array.from(client.stateEvents(roomId, type), (event) => ({
      ...event,
      eventId: `${event.eventId}'`,
      originServerTs: event.originServerTs + 1,
    }));
    const batch = copies.map((event) => client.setState(roomId, event));
    expect(parsesIn(() => client.emit(...batch))).toBeLessThanOrEqual(2_000);
    expect(membership$.value).toHaveLength(100);
    watched.unsubscribe();
  });

  it.each<[string, (n: number) => RoomEvent]>([
    ["leave", (n) => stateEvent({}, { sender: bob, stateKey: `${n}`, originServerTs: Date.now() })],
    ["are taken over by another user", (n) => joins(alice, hourMs, { stateKey: `${n}`, originServerTs: Date.now() })],
  ])("has the newest of its members in a session that saw them join one by one and %s", (_, after) => {
    const client = roomOfThree();
    const { membership$ } = watching({}, client);
    const watched = membership$.subscribe();
    for (let n = 0; n < 130; n += 1) {
      const event = stateEvent(stateContent({ device_id: `D${n}` }), { sender: bob, stateKey: `${n}` });
      client.emit(client.setState(roomId, { ...event, originServerTs: Date.now() - 130 + n }));
    }
    const ofBob = (list: typeof membership$.value) =>
      list.filter(({ userId }) => userId === bob).map(({ deviceId }) => deviceId);
    expect(ofBob(membership$.value)).toHaveLength(100);
    for (const n of [129, 128, 60]) {
      client.emit(client.setState(roomId, after(n)));
      expect(ofBob(membership$.value)).toHaveLength(100);
      expect(ofBob(membership$.value)).toEqual(ofBob(watching({}, client).membership$.value));
    }
    watched.unsubscribe();
  });

  it("has the same members in a session that has watched and in a new one, also when the newest of them leave", () => {
    const { client } = crowded();
    const { membership$ } = watching({}, client);
    const watched = membership$.subscribe();
    const devices = (list: typeof membership$.value) => list.map(({ deviceId }) => deviceId);
    expect(devices(membership$.value)).toHaveLength(100);
    for (const key of [19_999, 19_990, 19_900]) {
      client.emit(
        client.setState(roomId, stateEvent({}, { sender: bob, stateKey: `${key}`, originServerTs: Date.now() })),
      );
      expect(devices(membership$.value)).toHaveLength(100);
      expect(devices(membership$.value)).toEqual(devices(watching({}, client).membership$.value));
    }
    client.emit(client.setState(roomId, joins(alice, hourMs, { originServerTs: Date.now() })));
    expect(devices(membership$.value)).toHaveLength(101);
    watched.unsubscribe();
  });
});
