// Cost: rooms are asked with one reading each, and read in full only when a call may have begun or ended.
import { Subscription } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rtcSessions } from "../../src/index.ts";
import type { Matrix, RoomChange } from "../../src/matrix.ts";
import { alice, bob, carl, hourMs, roomCall, stateEvent, stickyEvent, stickyLeave } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import { joins, sticks } from "../support/watching.ts";

const [a, b] = ["!a", "!b"];
const stateMember = "org.matrix.msc3401.call.member";

beforeEach(() => void vi.useFakeTimers({ now: 9 * hourMs }));
afterEach(() => void vi.useRealTimers());

const expired = joins(bob, hourMs, { originServerTs: 0 });
const live = (userId: string, expires = hourMs) => joins(userId, expires, { originServerTs: 9 * hourMs });

/** The subscribed calls of a client in room `!a`, and how often it is read at a change. */
function subscribed(prepare: (client: FakeClient) => unknown) {
  const client = new FakeClient();
  client.enter(a, alice, bob, carl);
  prepare(client);
  const sessions = rtcSessions(client, roomCall);
  const seen: number[] = [];
  sessions.active$.subscribe(({ size }) => seen.push(size));
  const readingsAt = (...changes: readonly RoomChange[]) => {
    const before = client.readings;
    client.emit(...changes);
    return client.readings - before;
  };
  return { client, sessions, seen, readingsAt };
}

const topic: RoomChange = { kind: "state", roomId: a, type: "m.room.topic", stateKey: "" };

describe("A room whose members are all rejected", () => {
  const rejectedOf = (client: FakeClient) => {
    client.setMembership(a, bob, "leave");
    client.setState(a, live(bob));
  };

  it("is not read at changes that cannot make a member of them", () => {
    const { client, readingsAt, seen } = subscribed(rejectedOf);
    expect(readingsAt(topic)).toBe(0);
    expect(readingsAt({ ...topic, type: "m.room.name" })).toBe(0);
    expect(readingsAt({ kind: "state", roomId: a, type: stateMember, stateKey: "unknown" })).toBe(0);
    // RxJS would report an exception by a timer.
    vi.advanceTimersByTime(0);
    expect(readingsAt(client.setMembership(a, carl, "leave"))).toBe(1);
    expect(seen).toEqual([0]);
  });

  it("is read in full when the user with the event joins the room", () => {
    const { client, readingsAt, seen } = subscribed(rejectedOf);
    expect(readingsAt(client.setMembership(a, bob, "join"))).toBe(2);
    expect(seen).toEqual([0, 1]);
  });

  it("is read in full when we join it, for any owner of the events", () => {
    const { client, readingsAt, seen } = subscribed((room) => {
      room.setState(a, live(bob));
      room.setMembership(a, alice, "leave");
    });
    expect(readingsAt(client.setMembership(a, alice, "join"))).toBe(2);
    expect(seen).toEqual([0, 1]);
  });
});

describe("A room whose member events have all expired", () => {
  it("is asked once, when the calls are subscribed to", () => {
    const { client } = subscribed((room) => room.setState(a, expired));
    expect(client.readings).toBe(1);
  });

  it("is asked once at changes of its slot, its encryption and its users, and not read in full", () => {
    const { client, readingsAt } = subscribed((room) => room.setState(a, expired));
    expect(readingsAt(client.setSlot(a, roomCall, {}))).toBe(1);
    expect(readingsAt(client.encrypt(a))).toBe(1);
    expect(readingsAt(client.setMembership(a, bob, "join"))).toBe(1);
    expect(readingsAt(topic)).toBe(0);
  });
});

describe("A room with sticky events", () => {
  it("is read in full at once when one arrives", () => {
    const { client, readingsAt, seen } = subscribed(() => undefined);
    expect(readingsAt(client.keep(a, sticks(bob, { originServerTs: 9 * hourMs })))).toBe(1);
    expect(seen).toEqual([0, 1]);
  });

  it("is only asked when a user without an event joins it", () => {
    const { client, readingsAt } = subscribed((room) => {
      room.setMembership(a, bob, "leave");
      room.keep(a, sticks(bob, { originServerTs: 9 * hourMs }));
    });
    expect(readingsAt(client.setMembership(a, carl, "join"))).toBe(1);
    expect(readingsAt(client.setMembership(a, bob, "join"))).toBe(2);
  });
});

describe("A call", () => {
  it("whose last member is a sticky one is read again only when that one may be gone", () => {
    const { client, sessions, readingsAt } = subscribed((room) =>
      room.keep(a, sticks(bob, { originServerTs: 9 * hourMs, eventId: "$b" })),
    );
    expect(readingsAt(client.keep(a, sticks(carl, { originServerTs: 9 * hourMs })))).toBe(0);
    expect(readingsAt(client.setState(a, live(carl, 1000)))).toBe(0);
    expect(readingsAt(topic)).toBe(0);
    expect(readingsAt(client.setSlot(a, roomCall, { status: "closed" }))).toBe(1);
    expect(sessions.active$.value.size).toBe(1);
  });

  it("whose last member is a state one is not read again at a sticky event of the same user", () => {
    const { client, readingsAt } = subscribed((room) => room.setState(a, live(bob)));
    expect(readingsAt(client.keep(a, sticks(bob, { originServerTs: 9 * hourMs }, "LAPTOP")))).toBe(0);
  });
});

describe("A call that ends and comes back without an event", () => {
  it("is not active in between, and is active again", () => {
    const originServerTs = 9 * hourMs;
    const { client, seen } = subscribed((room) => room.keep(a, sticks(bob, { originServerTs })));
    const leave = stickyEvent(stickyLeave(), { sender: bob, originServerTs: originServerTs + 1, ttlMs: 10_000 });
    client.emit(client.keep(a, leave));
    expect(seen).toEqual([1, 0]);
    vi.advanceTimersByTime(10_000);
    expect(seen).toEqual([1, 0]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual([1, 0, 1]);
  });
});

describe("The calls of a client", () => {
  it("are looked for in the rooms with state of members alone, if the client can find these", () => {
    const client = new FakeClient();
    const rooms = vi.spyOn(client, "rooms");
    const { active$ } = rtcSessions(client, roomCall);
    void active$.value;
    active$.subscribe().unsubscribe();
    expect(rooms.mock.calls.length).toBeGreaterThan(1);
    for (const args of rooms.mock.calls as unknown[][]) expect(args).toEqual([{ withStateOf: stateMember }]);
  });

  it("are only in rooms that we are joined to, also if the client lists others", () => {
    const client = new FakeClient();
    for (const roomId of [a, b]) client.enter(roomId, alice, bob);
    for (const roomId of [a, b]) client.setState(roomId, live(bob));
    client.setMembership(b, alice, "leave");
    const all: Matrix = Object.assign(client, { rooms: () => [a, b] });
    const { active$ } = rtcSessions(all, roomCall);
    const seen: string[] = [];
    const subscription: Subscription = active$.subscribe((active) => seen.push([...active].join(" ")));
    expect([seen, [...active$.value]]).toEqual([[a], [a]]);
    subscription.unsubscribe();
    expect([...active$.value]).toEqual([a]);
  });

  it("are another set when one room takes the place of another, also while nobody is subscribed", () => {
    const client = new FakeClient();
    for (const roomId of [a, b, "!c"]) client.enter(roomId, alice, bob);
    for (const roomId of [a, b]) client.setState(roomId, live(bob));
    const { active$ } = rtcSessions(client, roomCall);
    expect([...active$.value]).toEqual([a, b]);
    client.setState(b, stateEvent({}, { sender: bob, stateKey: `_${bob}` }));
    client.setState("!c", live(bob));
    expect([...active$.value]).toEqual([a, "!c"]);
  });
});
