import { map, merge, type Observable, Subscription, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Application, rtcSession, rtcSessions, type WatchedSession } from "../../src/index.ts";
import type { RoomChange, RoomEvent } from "../../src/matrix.ts";
import {
  alice,
  bob,
  carl,
  type Content,
  dayMs,
  hourMs,
  roomCall,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
  stickyLeave,
} from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import { marbles } from "../support/marbles.ts";
import { happens } from "../support/happens.ts";
import { joins, leaves, sticks } from "../support/watching.ts";

const [a, b, c] = ["!a", "!b", "!c"];

/** A client in rooms `!a` and `!b`, with Bob and Carl. */
function inTwoRooms() {
  const client = new FakeClient();
  for (const roomId of [a, b]) client.enter(roomId, alice, bob, carl);
  return { client, sessions: rtcSessions(client, roomCall) };
}

const roomsIn = (active$: Observable<ReadonlySet<string>>) =>
  active$.pipe(map((active) => [...active.keys()].join(" ")));
const roomOf = (session$: Observable<WatchedSession>) => session$.pipe(map(({ roomId }) => roomId));

describe("The calls of a client", () => {
  it(
    "are in the first emission if they are running already, and not in started$ (guarantee 18)",
    marbles(({ expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.setState(a, joins(bob));
      client.keep(b, sticks(carl));
      expectObservable(roomsIn(sessions.active$), "^--!").toBe("x", { x: "!a !b" });
      expectObservable(sessions.started$, "        ^--!").toBe("-");
    }),
  );

  it(
    "begin and end with one emission each",
    marbles(({ cold, expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      happens(cold, "                              -a-b-c-d", {
        a: () => client.emit(client.setState(a, joins(bob))),
        b: () => client.emit(client.keep(b, sticks(bob)), client.setState(b, joins(carl))),
        c: () => client.emit(client.setState(a, leaves(bob)), client.setState(a, joins(carl))),
        d: () => client.emit(client.setState(a, leaves(carl))),
      });
      const rooms = { n: "", x: "!a", y: "!a !b", z: "!b" };
      expectObservable(roomsIn(sessions.active$), "^---------!").toBe("nx-y---z", rooms);
      expectObservable(roomOf(sessions.started$), "^---------!").toBe("-x-z", rooms);
      expectObservable(roomOf(sessions.ended$), "  ^---------!").toBe("-------x", rooms);
    }),
  );

  it.each<[string, (client: FakeClient) => readonly RoomChange[]]>([
    ["a sticky leave", (client) => [client.keep(a, stickyEvent(stickyLeave(), { sender: bob, originServerTs: 1 }))]],
    ["a redaction", (client) => client.redact(a, "$b")],
    ["a slot that closes", (client) => [client.setSlot(a, roomCall, {})]],
    ["encryption of the room", (client) => [client.encrypt(a)]],
    ["a kick", (client) => [client.setMembership(a, bob, "leave")]],
    ["a room that was replaced", (client) => [client.enter(a, alice, bob)]],
    ["our own leave", (client) => [client.setMembership(a, alice, "leave")]],
  ])("end at %s", (_, end) =>
    marbles(({ cold, expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.keep(a, sticks(bob, { eventId: "$b" }));
      happens(cold, "                              -e", { e: () => client.emit(...end(client)) });
      expectObservable(roomsIn(sessions.active$), "^--!").toBe("xn", { x: "!a", n: "" });
    })(),
  );

  it(
    "end when the last member expires, without any event (guarantee 19, ordering 9)",
    marbles(({ expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.setState(a, joins(bob, 3));
      client.setState(a, joins(carl, 5));
      expectObservable(roomsIn(sessions.active$), "^-------!").toBe("x----n", { x: "!a", n: "" });
      expectObservable(roomOf(sessions.ended$), "  ^-------!").toBe("-----x", { x: "!a" });
    }),
  );

  it(
    "are emitted once for each sync response, whatever the number of its rooms",
    marbles(({ cold, expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.setState(a, joins(bob));
      happens(cold, "                              -a-", {
        a: () =>
          client.emit(
            client.setState(a, leaves(bob)),
            client.setState(b, joins(bob)),
            client.enter(c, alice, carl),
            client.keep(c, sticks(carl)),
          ),
      });
      expectObservable(roomsIn(sessions.active$), "^--!").toBe("xy", { x: "!a", y: "!b !c" });
      expectObservable(roomOf(sessions.started$), "^--!").toBe("-(bc)", { b: "!b", c: "!c" });
      expectObservable(roomOf(sessions.ended$), "  ^--!").toBe("-a", { a: "!a" });
    }),
  );

  it(
    "are emitted once if several end at the same time",
    marbles(({ expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.setState(a, joins(bob, 3));
      client.setState(b, joins(bob, 3));
      expectObservable(roomsIn(sessions.active$), "^-------!").toBe("x--n", { x: "!a !b", n: "" });
    }),
  );

  it(
    "include calls in rooms that appear later, even after their events (guarantee 16, ordering 11)",
    marbles(({ cold, expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      happens(cold, "                              -e-r", {
        e: () => client.emit({ kind: "sticky", roomId: c, event: sticks(bob) }),
        r: () => {
          const change = client.enter(c, alice, bob);
          client.keep(c, sticks(bob));
          client.emit(change);
        },
      });
      expectObservable(roomsIn(sessions.active$), "^----!").toBe("n--x", { n: "", x: "!c" });
    }),
  );

  it(
    "are only in rooms that we are joined to",
    marbles(({ cold, expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.setState(a, joins(bob));
      client.setState(b, joins(bob));
      client.setMembership(b, alice, "invite");
      const turn = (roomId: string, membership: string) => () =>
        client.emit(client.setMembership(roomId, alice, membership));
      happens(cold, "                              -l-j-k-", {
        l: turn(a, "leave"),
        j: turn(b, "join"),
        k: turn(b, "ban"),
      });
      expectObservable(roomsIn(sessions.active$), "^------!").toBe("an-b-n", { a: "!a", b: "!b", n: "" });
    }),
  );

  it(
    "are those of one slot, by the given rules",
    marbles(({ expectObservable }) => {
      const { client } = inTwoRooms();
      client.setState(a, stateEvent(stateContent({ call_id: "two" }), { sender: bob }));
      client.keep(b, sticks(carl));
      const active = (slot: string, strictSlots: boolean) =>
        roomsIn(rtcSessions(client, slot, { strictSlots }).active$);
      expectObservable(active(roomCall, false), "^--!").toBe("x", { x: "!b" });
      expectObservable(active(roomCall, true), " ^--!").toBe("x", { x: "" });
      expectObservable(active("m.call#two", true), "^--!").toBe("x", { x: "!a" });
    }),
  );

  it(
    "begin when a rejected member becomes eligible",
    marbles(({ cold, expectObservable }) => {
      const { client, sessions } = inTwoRooms();
      client.setMembership(a, bob, "leave");
      client.setState(a, joins(bob));
      client.setSlot(b, roomCall, { status: "closed" });
      client.keep(b, sticks(bob));
      const open: Content = { status: "open", application: { type: "m.call" } };
      happens(cold, "                              -j-o", {
        j: () => client.emit(client.setMembership(a, bob, "join")),
        o: () => client.emit(client.setSlot(b, roomCall, open)),
      });
      expectObservable(roomsIn(sessions.active$), "^----!").toBe("nx-y", { n: "", x: "!a", y: "!a !b" });
    }),
  );

  it("have the same last value for all subscribers, even if one changes it during an emission (guarantee 36, ordering 12)", () => {
    const { client, sessions } = inTwoRooms();
    client.setState(a, stateEvent({}));
    const now = Date.now();
    const join = (roomId: string): RoomChange => client.setState(roomId, joins(bob, 60_000, { originServerTs: now }));
    const seen: string[] = [];
    const all = new Subscription();
    const rooms$ = roomsIn(sessions.active$);
    all.add(rooms$.subscribe((rooms) => rooms === "!a" && client.emit(join(b))));
    all.add(rooms$.subscribe((rooms) => seen.push(rooms)));
    client.emit(join(a));
    expect(seen).toEqual(["", "!a !b"]);
    all.unsubscribe();
  });
});

describe("The session of a room", () => {
  it("is always the same object", () => {
    vi.useFakeTimers({ now: 0 });
    const { client, sessions } = inTwoRooms();
    client.setState(a, joins(bob));
    const session = sessions.session(a);
    expect(sessions.session(a)).toBe(session);
    expect(sessions.session(b)).not.toBe(session);
    expect(sessions.active$.value.has(a)).toBe(true);
    sessions.active$.subscribe((active) => expect([...active].map(sessions.session)).toEqual([session])).unsubscribe();
    vi.useRealTimers();
  });

  it("stays the same object when its call ends and begins again", () => {
    vi.useFakeTimers({ now: 0 });
    const { client, sessions } = inTwoRooms();
    client.setState(a, joins(bob));
    const seen: (WatchedSession | undefined)[] = [];
    const all = new Subscription();
    all.add(sessions.started$.subscribe((session) => seen.push(session)));
    all.add(sessions.ended$.subscribe((session) => seen.push(session)));
    client.emit(client.setState(a, leaves(bob)));
    client.emit(client.setState(a, joins(bob)));
    all.unsubscribe();
    seen.push(...[...sessions.active$.value].map(sessions.session));
    expect(seen).toEqual([sessions.session(a), sessions.session(a), sessions.session(a)]);
    expect(seen.every((session) => session === seen[0])).toBe(true);
    vi.useRealTimers();
  });

  it("can be opened before the room appears", () => {
    vi.useFakeTimers({ now: 0 });
    const { client, sessions } = inTwoRooms();
    const { membership$ } = sessions.session(c);
    const sizes: number[] = [];
    const subscription = membership$.subscribe(({ length }) => sizes.push(length));
    client.emit(client.enter(c, alice, bob), client.setState(c, joins(bob)));
    expect(sizes).toEqual([0, 1]);
    subscription.unsubscribe();
    vi.useRealTimers();
  });

  it("has members of the given application type", () => {
    interface Board extends Application {
      readonly page: number;
    }
    const decodeBoard = ({ type, page }: Application): Board | undefined =>
      typeof page === "number" ? { type, page } : undefined;
    const { client } = inTwoRooms();
    const member = { id: "one", user_id: bob, device_id: "PHONE" };
    const application: Board = { type: "org.example.board", page: 7 };
    const content = stickyContent({ slot_id: "org.example.board#1", application, member });
    client.keep(a, stickyEvent(content, { sender: bob, originServerTs: Date.now() }));
    const sessions = rtcSessions(client, "org.example.board#1", { application: decodeBoard, open: rtcSession });
    const page: number | undefined = sessions.session(a).membership$.value[0]?.application.page;
    expect(page).toBe(7);
    expect([...sessions.active$.value]).toEqual([a]);
  });
});

describe("rtcSessions", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  it("gives the room ids in the order in which their calls began", () => {
    const { client, sessions } = inTwoRooms();
    for (const roomId of [a, b]) client.setState(roomId, joins(bob));
    const { value } = sessions.active$;
    expect([...value]).toEqual([a, b]);
    expect([value.size, value.has(a), value.has(c)]).toEqual([2, true, false]);
    expect(sessions.active$.value).toBe(value);
  });

  it("opens sessions that can be joined if it is given rtcSession", () => {
    const { client } = inTwoRooms();
    const sessions = rtcSessions(client, "m.call#ROOM", { open: rtcSession });
    expect(typeof sessions.session(a).join).toBe("function");
    expect(sessions.session(a)).toBe(sessions.session(a));
    expect(sessions.session(c).membership$.value).toEqual([]);
  });

  it("needs one subscription and one timer, whatever the number of calls, and releases them (guarantee 37)", () => {
    const { client, sessions } = inTwoRooms();
    for (let n = 0; n < 1000; n += 1) client.enter(`!${n}`, alice, bob);
    for (const roomId of [a, b]) client.setState(roomId, joins(bob));
    const all = new Subscription();
    for (const stream$ of [sessions.active$, sessions.active$, sessions.started$, sessions.ended$]) {
      all.add((stream$ as Observable<unknown>).subscribe());
    }
    expect([client.listeners, vi.getTimerCount()]).toEqual([1, 1]);
    client.emit(client.setState(a, leaves(bob)));
    expect([client.listeners, vi.getTimerCount()]).toEqual([1, 1]);
    all.unsubscribe();
    expect([client.listeners, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("reads a room without a call only when that room changes", () => {
    const { client, sessions } = inTwoRooms();
    client.setState(b, joins(bob));
    const subscription = sessions.active$.subscribe();
    const before = client.readings;
    client.emit(client.setMembership(b, carl, "leave"));
    expect(client.readings).toBe(before);
    client.emit(client.setMembership(a, bob, "leave"));
    expect(client.readings).toBe(before + 1);
    subscription.unsubscribe();
  });

  it("reads nothing but the changed event if that has expired, is a leave or is of another slot", () => {
    vi.setSystemTime(9 * hourMs);
    const { client, sessions } = inTwoRooms();
    const subscription = sessions.active$.subscribe();
    const readingsOf = (event: RoomEvent) => {
      const before = client.readings;
      client.emit(client.setState(a, event));
      return client.readings - before;
    };
    const crashed = joins(bob, 4 * hourMs, { originServerTs: 5 * hourMs });
    const other = stateEvent(stateContent({ call_id: "side" }), { stateKey: "side", originServerTs: 9 * hourMs });
    expect([crashed, leaves(carl), other].map(readingsOf)).toEqual([0, 0, 0]);
    expect(readingsOf(joins(carl, hourMs, { originServerTs: 9 * hourMs }))).toBeGreaterThan(0);
    expect(sessions.active$.value.size).toBe(1);
    subscription.unsubscribe();
  });

  it("reads a call again only when the member that expires last may be gone", () => {
    const { client, sessions } = inTwoRooms();
    client.setState(a, joins(carl, 1000));
    client.setState(a, joins(bob, 2000));
    const subscription = sessions.active$.subscribe();
    const before = client.readings;
    const crowd = Array.from({ length: 50 }, (_, n) => joins(alice, 500 + n, { stateKey: `alice ${n}` }));
    for (const event of crowd) client.emit(client.setState(a, event));
    client.emit(client.setState(a, leaves(carl)), client.setMembership(a, carl, "leave"));
    client.emit(client.keep(a, sticks(carl)), { kind: "redaction", roomId: a, eventId: "$other" });
    client.emit(client.setSlot(a, roomCall, { status: "closed" }));
    client.emit();
    expect(client.readings).toBe(before);
    client.emit(client.setState(a, leaves(bob)));
    expect(client.readings).toBeGreaterThan(before);
    expect(sessions.active$.value.size).toBe(1);
    subscription.unsubscribe();
  });

  it("has the current value with and without a subscriber, and the same set object for the same calls", () => {
    const { client, sessions } = inTwoRooms();
    const rooms = () => [...sessions.active$.value.keys()].join(" ");
    expect(rooms()).toBe("");
    client.setState(a, joins(bob, 100));
    expect(rooms()).toBe("!a");
    const { value } = sessions.active$;
    expect(sessions.active$.value).toBe(value);
    const subscription = sessions.active$.subscribe((active) => expect(active).toBe(value));
    expect(sessions.active$.value).toBe(value);
    subscription.unsubscribe();
    client.setState(b, joins(bob, 200));
    expect(rooms()).toBe("!a !b");
    vi.advanceTimersByTime(100);
    expect(rooms()).toBe("!b");
    expect(value.size).toBe(1);
  });

  it("drops the calls that expired during a sleep", () => {
    const { client, sessions } = inTwoRooms();
    client.setState(a, joins(bob, 100));
    client.setState(b, joins(bob, 1000));
    const seen: string[] = [];
    const subscription = roomsIn(sessions.active$).subscribe((rooms) => seen.push(rooms));
    vi.setSystemTime(500);
    client.emit();
    expect(seen).toEqual(["!a !b", "!b"]);
    subscription.unsubscribe();
  });

  it("can be subscribed to again", () => {
    const { client, sessions } = inTwoRooms();
    client.setState(a, joins(bob));
    const seen: string[] = [];
    const look = () =>
      roomsIn(sessions.active$)
        .subscribe((rooms) => seen.push(rooms))
        .unsubscribe();
    look();
    client.setState(a, leaves(bob));
    client.setState(b, joins(bob));
    look();
    expect(seen).toEqual(["!a", "!b"]);
  });

  it(
    "ends a call at the same time as its session, even if the clock of a server is ahead",
    marbles(({ flush }) => {
      const { client, sessions } = inTwoRooms();
      const ahead = { stateKey: "b", originServerTs: 600_000 };
      client.setState(a, joins(bob, 30 * hourMs, ahead));
      const watching = merge(sessions.active$, sessions.session(a).membership$).subscribe();
      timer(10).subscribe(() => client.emit({ kind: "room", roomId: a }));
      const log: unknown[] = [];
      timer(dayMs + 1).subscribe(() => {
        log.push(sessions.session(a).membership$.value.length, sessions.active$.value.size);
        watching.unsubscribe();
      });
      flush();
      expect(log).toEqual([0, 0]);
    }),
  );

  it("ignores members whose data the application refuses", () => {
    const { client } = inTwoRooms();
    client.setState(a, joins(bob));
    const sessions = rtcSessions(client, roomCall, { application: () => undefined });
    expect(sessions.active$.value.size).toBe(0);
    expect(sessions.session(a).rejected$.value.map(({ reason }) => reason)).toEqual(["bad-application"]);
  });

  it("throws bad-argument for a malformed slot id", () => {
    const { client } = inTwoRooms();
    for (const slot of ["", "m.call", "m.call#", "#ROOM", "m.call#a#b", 1 as never, undefined as never]) {
      expect(() => rtcSessions(client, slot)).toThrow(expect.objectContaining({ code: "bad-argument" }));
    }
  });
});
