import { asyncScheduler, map, merge, skip, Subscription, take, takeUntil, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rtcSessions } from "../../src/index.ts";
import type { RoomChange, RoomEvent } from "../../src/matrix.ts";
import type { Membership, Slot } from "../../src/types.ts";
import {
  alice,
  bob,
  carl,
  dayMs,
  hourMs,
  roomCall,
  roomId,
  slotType,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
  stickyLeave,
} from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import { marbles } from "../support/marbles.ts";
import { happens } from "../support/happens.ts";
import { joins, leaves, roomOfThree, sticks, watching } from "../support/watching.ts";

describe("The members of a call", () => {
  it(
    "are emitted at once if the client has their events already (guarantee 18)",
    marbles(({ expectObservable }) => {
      const { client, names$ } = watching();
      client.setState(roomId, joins(alice));
      client.keep(roomId, sticks(bob, { originServerTs: -1 }));
      expectObservable(names$, "^---!").toBe("m", { m: "bob alice" });
    }),
  );

  it(
    "are emitted once for each batch, as the last change in it has them (guarantee 2, ordering 8)",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = watching();
      const set = client.setState.bind(client, roomId);
      happens(cold, "           -a-b-c", {
        a: () => client.emit(set(joins(alice)), set(joins(bob)), set(joins(carl))),
        b: () => client.emit(set(leaves(alice)), set(leaves(bob)), set(joins(bob)), set(leaves(carl))),
        c: () => client.emit(set(joins(carl)), set(leaves(carl)), set(leaves(bob)), set(joins(alice))),
      });
      expectObservable(names$, " ^------!").toBe("nx-y-z", { n: "", x: "alice bob carl", y: "bob", z: "alice" });
    }),
  );

  it(
    "are not emitted again after a change that has no effect",
    marbles(({ cold, expectObservable }) => {
      const { client, names$, membership$ } = watching();
      client.setState(roomId, joins(alice));
      const event = sticks(bob, { originServerTs: 1 });
      happens(cold, "               -a-b-c-d-e", {
        a: () => client.emit(client.keep(roomId, event)),
        b: () => client.emit({ kind: "sticky", roomId, event }, { kind: "room", roomId }),
        c: () => client.emit(client.setMembership(roomId, carl, "leave"), client.setMembership(roomId, bob, "join")),
        d: () =>
          client.emit(
            { kind: "redaction", roomId, eventId: "$other" },
            { kind: "state", roomId, type: "org.matrix.msc3401.call.member", stateKey: "an empty key" },
          ),
        e: () => client.emit(),
      });
      expectObservable(names$, "     ^----------!").toBe("xy", { x: "alice", y: "alice bob" });
      expectObservable(membership$.pipe(map((list) => list.length)), "^----------!").toBe("12", { 1: 1, 2: 2 });
    }),
  );

  it(
    "expire at their exact times, without any event (guarantees 12 and 19, ordering 9)",
    marbles(({ expectObservable }) => {
      const { client, names$ } = watching();
      client.setState(roomId, joins(alice, 4));
      client.setState(roomId, joins(bob, 2));
      client.keep(roomId, sticks(carl, { durationMs: 7 }));
      const members = { x: "alice bob carl", y: "alice carl", z: "carl", n: "" };
      expectObservable(names$, " ^----------!").toBe("x-y-z--n", members);
    }),
  );

  it(
    "expire one by one, however many there are",
    marbles(({ expectObservable }) => {
      const { client, membership$ } = watching();
      for (let n = 1; n <= 100; n += 1) {
        const event = stateEvent(stateContent({ device_id: `${n}`, expires: 10 * n }), { stateKey: `${n}` });
        client.setState(roomId, event);
      }
      const lengths = Array.from({ length: 100 }, (_, n) => `${"ab"[n % 2]} 9ms`).join(" ");
      const count$ = membership$.pipe(map(({ length }) => (length % 2 ? "b" : "a")));
      expectObservable(count$, " ^ 2s !").toBe(`${lengths} a`);
    }),
  );

  it(
    "stay while their events are renewed, and expire at the end of the last one",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = watching();
      client.setState(roomId, joins(alice, 5));
      const renew = () => client.emit(client.setState(roomId, joins(alice, 10, { originServerTs: 4 })));
      happens(cold, "           ----r", { r: renew });
      expectObservable(names$.pipe(map((names) => names || "nobody")), "^------------------!").toBe("a---a---------n", {
        a: "alice",
        n: "nobody",
      });
    }),
  );

  it(
    "include a device by its state join, whether its sticky leave comes before or after (guarantee 29, ordering 10)",
    marbles(({ cold, expectObservable }) => {
      const leave = stickyEvent(stickyLeave(), { originServerTs: 5 });
      for (const [first, second, expected] of [
        ["s", "j", "---a-"],
        ["j", "s", "-a---"],
      ] as const) {
        const { client, names$ } = watching();
        happens(cold, `         -${first}-${second}-`, {
          s: () => client.emit(client.keep(roomId, leave)),
          j: () => client.emit(client.setState(roomId, joins(alice))),
        });
        expectObservable(names$.pipe(skip(1)), "^----!").toBe(expected, { a: "alice" });
      }
    }),
  );

  it(
    "include a member whose event came before its room (guarantee 16, ordering 11)",
    marbles(({ cold, expectObservable }) => {
      const client = new FakeClient();
      const { names$ } = watching({}, client);
      const event = sticks(bob);
      happens(cold, "           -e-r", {
        e: () => client.emit({ kind: "sticky", roomId, event }, { kind: "state", roomId, type: "t", stateKey: "" }),
        r: () => client.emit(client.enter(roomId, alice, bob)),
      });
      expectObservable(names$, " ^----!").toBe("n--b", { n: "", b: "bob" });
    }),
  );

  it(
    "are read again, with kept identity, when the client replaces its room (guarantee 20)",
    marbles(({ cold, expectObservable }) => {
      const { client, membership$, names$ } = watching();
      const [aliceJoins, bobJoins] = [joins(alice), joins(bob)];
      client.setState(roomId, aliceJoins);
      client.setState(roomId, bobJoins);
      const replace = () => {
        client.enter(roomId, alice, carl);
        client.setState(roomId, { ...aliceJoins });
        client.setState(roomId, joins(carl));
        client.emit({ kind: "room", roomId });
      };
      happens(cold, "           -r", { r: replace });
      expectObservable(names$, " ^--!").toBe("xy", { x: "alice bob", y: "alice carl" });
      const seen = new Set<Membership | undefined>();
      expectObservable(membership$.pipe(map(([first]) => seen.add(first).size)), "^--!").toBe("ab", { a: 1, b: 1 });
    }),
  );

  it(
    "are gone when their events are missing in the new room",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = watching();
      const kept = joins(carl, 1000, { stateKey: "" });
      client.setState(roomId, joins(alice));
      client.setState(roomId, kept);
      client.keep(roomId, sticks(bob, { originServerTs: 1 }));
      const replace = () => {
        client.enter(roomId, alice, bob, carl);
        client.setState(roomId, kept);
        client.emit({ kind: "room", roomId });
      };
      happens(cold, "           -r", { r: replace });
      expectObservable(names$, " ^--!").toBe("xy", { x: "alice carl bob", y: "carl bob" });
    }),
  );

  it(
    "are gone while they are not in the room",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = watching();
      client.setState(roomId, joins(alice));
      client.keep(roomId, sticks(bob));
      const turn = (userId: string, membership: string) => () =>
        client.emit(client.setMembership(roomId, userId, membership));
      happens(cold, "           -k-b-j", { k: turn(alice, "leave"), b: turn(bob, "ban"), j: turn(alice, "join") });
      expectObservable(names$, " ^------!").toBe("xy-n-z", { x: "alice bob", y: "bob", n: "", z: "alice" });
    }),
  );

  it.each([
    ["the lasting event first", "-l-b", "nl-b 7ms l 8ms n"],
    ["the brief event first", "  -b-l", "nb 9ms l 8ms n"],
  ])("are those of a replaced sticky event again if its replacement ends first (D4): %s", (_, arrivals, expected) =>
    marbles(({ cold, expectObservable }) => {
      const { client, membership$ } = watching();
      const lasting = sticks(alice, { ttlMs: 20 }, "LAPTOP");
      const brief = sticks(alice, { originServerTs: 5, ttlMs: 6 }, "PHONE");
      happens(cold, arrivals, {
        l: () => client.emit(client.keep(roomId, lasting)),
        b: () => client.emit(client.keep(roomId, brief)),
      });
      const devices = { n: "", l: "LAPTOP", b: "PHONE" };
      const inWords = map((list: readonly Membership[]) => list.map(({ deviceId }) => deviceId).join());
      const { active$ } = rtcSessions(client, roomCall);
      expectObservable(membership$.pipe(inWords), "                          ^ 30ms !").toBe(expected, devices);
      expectObservable(watching({}, client).membership$.pipe(inWords), "             15ms ^ 15ms !").toBe(
        "15ms l 4ms n",
        devices,
      );
      expectObservable(active$.pipe(map(({ size }) => size)), "                      ^ 30ms !").toBe("01 18ms 0", {
        0: 0,
        1: 1,
      });
    })(),
  );

  it(
    "are gone when their events are redacted",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = watching();
      client.setState(roomId, joins(alice, 1000, { eventId: "$a" }));
      client.keep(roomId, sticks(bob, { eventId: "$b" }));
      const redact = (eventId: string) => () => client.emit(...client.redact(roomId, eventId));
      happens(cold, "           -a-b", { a: redact("$a"), b: redact("$b") });
      expectObservable(names$, " ^----!").toBe("xy-n", { x: "alice bob", y: "bob", n: "" });
    }),
  );
});

describe("A redaction", () => {
  /** Empties the content of an event in place, as matrix-js-sdk does. */
  const redactInPlace = (event: RoomEvent) => {
    const content = event.content as Record<string, unknown>;
    for (const key of Object.keys(content)) delete content[key];
  };
  const fresh = (client: FakeClient) => watching({}, client).membership$.value;

  it.each<[string, (event: RoomEvent) => RoomChange]>([
    ["a change of its state key", ({ type, stateKey = "" }) => ({ kind: "state", roomId, type, stateKey })],
    ["a change of the whole room", () => ({ kind: "room", roomId })],
  ])("that empties the content object of a state member in place removes the member, at %s", (_, changeOf) => {
    const { client, membership$, rejected$ } = watching();
    const event = joins(bob, hourMs, { originServerTs: Date.now() });
    client.setState(roomId, event);
    const watched = membership$.subscribe();
    expect(membership$.value).toHaveLength(1);
    redactInPlace(event);
    client.emit(changeOf(event));
    expect(membership$.value).toEqual([]);
    expect(rejected$.value.map(({ reason }) => reason)).toEqual(["left"]);
    expect(fresh(client)).toEqual([]);
    watched.unsubscribe();
  });

  it("turns a malformed state event into a leave, as in a new session", () => {
    const { client, rejected$ } = watching();
    const event = stateEvent({ memberships: [] }, { sender: bob });
    client.setState(roomId, event);
    const watched = rejected$.subscribe();
    redactInPlace(event);
    client.emit({ kind: "room", roomId });
    expect(rejected$.value.map(({ reason }) => reason)).toEqual(["left"]);
    watched.unsubscribe();
  });

  it("is noticed whether or not the client keeps one object for each event", () => {
    const { client, membership$ } = watching();
    const event = joins(bob, hourMs, { originServerTs: Date.now() });
    client.setState(roomId, event);
    const watched = membership$.subscribe();
    const [member] = membership$.value;
    client.emit(client.setState(roomId, structuredClone(event)));
    expect(membership$.value[0]).toBe(member);
    client.emit(client.setState(roomId, { ...event, content: {} }));
    expect(membership$.value).toEqual([]);
    watched.unsubscribe();
  });
});

describe("The slot$ of a call", () => {
  it("keeps its value when the client makes a new copy of the slot event", () => {
    const { client, slot$ } = watching();
    const content = { status: "open", application: { type: "m.call", topic: "tea" } };
    const event = stateEvent(content, { type: slotType, stateKey: roomCall });
    const seen: Slot[] = [];
    client.setState(roomId, event);
    const watched = slot$.subscribe((slot) => seen.push(slot));
    client.emit(client.setState(roomId, structuredClone(event)));
    expect(seen).toHaveLength(1);
    watched.unsubscribe();
  });
});

describe("The slot$ of an open call", () => {
  it(
    "emits when the data of its application changes",
    marbles(({ cold, expectObservable }) => {
      const { client, slot$ } = watching();
      const slot = (topic: string): Slot => ({ status: "open", application: { type: "m.call", topic } });
      const set = (topic: string) => () =>
        client.emit(client.setState(roomId, stateEvent(slot(topic), { type: slotType, stateKey: roomCall })));
      happens(cold, "          -t-c", { t: set("tea"), c: set("coffee") });
      expectObservable(slot$, "^----!").toBe("at-c", { a: { status: "absent" }, t: slot("tea"), c: slot("coffee") });
    }),
  );
});

describe("The streams of a call", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  it(
    "give all subscribers the same last value, even if one of them changes it during an emission (guarantee 36, ordering 12)",
    marbles(({ cold, expectObservable, flush }) => {
      const watched = watching();
      const { client } = watched;
      const names$ = watched.names$.pipe(takeUntil(timer(3)));
      const log: string[] = [];
      const again = (names: string) => {
        if (names === "alice") client.emit(client.setState(roomId, joins(bob)));
      };
      names$.subscribe((names) => void log.push(`first ${names}`));
      names$.subscribe(again);
      names$.subscribe((names) => void log.push(`last ${names}`));
      happens(cold, "           -a", { a: () => client.emit(client.setState(roomId, joins(alice))) });
      expectObservable(names$).toBe("        nb-|", { n: "", b: "alice bob" });
      flush();
      expect(log).toEqual(["first ", "last ", "first alice", "first alice bob", "last alice bob"]);
    }),
  );

  it(
    "share one read and one subscription to the client, and release it",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, names$, rejected$, slot$ } = watching();
      client.setState(roomId, joins(alice));
      const counts: string[] = [];
      const count = () => void counts.push(`${client.listeners} listening, ${client.readings} read`);
      happens(cold, "                      -a-a-a-a", { a: count });
      expectObservable(names$, "            ^-----!").toBe("m", { m: "alice" });
      expectObservable(names$, "            --^-!").toBe("--m", { m: "alice" });
      expectObservable(slot$, "             --^-!").toBe("--s", { s: { status: "absent" } });
      expectObservable(rejected$, "         --^-!").toBe("--r", { r: [] });
      flush();
      expect(counts).toEqual([
        "1 listening, 1 read",
        "1 listening, 1 read",
        "1 listening, 1 read",
        "0 listening, 1 read",
      ]);
    }),
  );

  it("subscribe to the client before the first read, so that no change is missed (guarantee 38)", () => {
    const client = roomOfThree();
    const stateEvents = client.stateEvents.bind(client);
    const { membership$ } = watching({}, client);
    client.stateEvents = (id, type) => {
      expect(client.listeners).toBe(1);
      return stateEvents(id, type);
    };
    membership$.subscribe().unsubscribe();
    expect(client.readings).toBe(1);
  });

  it("parse each event once, however often the room is read", () => {
    const { client, membership$ } = watching();
    let reads = 0;
    const counted = (content: object) =>
      Object.defineProperty({ ...content }, "application", {
        enumerable: true,
        get: () => ((reads += 1), "application" in content ? content.application : undefined),
      });
    client.setState(roomId, { ...joins(alice), content: counted(stateContent()) });
    client.keep(roomId, { ...sticks(bob), content: counted(stickyContent({ member: { id: "b", device_id: "B" } })) });
    membership$.subscribe();
    const once = reads;
    expect(once).toBeGreaterThan(1);
    client.emit({ kind: "room", roomId }, client.setMembership(roomId, bob, "join"));
    client.emit(client.setState(roomId, joins(carl)));
    expect([membership$.value.length, reads]).toEqual([3, once]);
  });

  it("stop emitting at once when their subscriber leaves during an emission of another session", () => {
    const client = roomOfThree();
    client.setState(roomId, joins(alice));
    const [first, second] = [watching({}, client), watching({}, client)];
    const seen: number[] = [];
    const others = new Subscription();
    const own = first.membership$.pipe(skip(1)).subscribe(() => others.unsubscribe());
    others.add(second.membership$.subscribe(({ length }) => seen.push(length)));
    client.emit(client.setState(roomId, joins(bob)));
    expect(seen).toEqual([1]);
    own.unsubscribe();
    client.setState(roomId, leaves(alice));
    expect([client.listeners, second.membership$.value.length]).toEqual([0, 1]);
  });

  it("leave nothing behind after a thousand subscriptions (guarantee 37)", () => {
    const { client, membership$, names$ } = watching();
    const first = membership$.subscribe();
    for (let n = 0; n < 1000; n += 1) {
      names$.subscribe().unsubscribe();
      client.emit(
        client.setState(roomId, joins(alice, 1000 + n)),
        client.keep(roomId, sticks(bob, { originServerTs: n })),
      );
      client.emit(client.setState(roomId, leaves(alice)));
    }
    expect([client.listeners, vi.getTimerCount()]).toEqual([1, 1]);
    first.unsubscribe();
    expect([client.listeners, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("have the current value with and without a subscriber", () => {
    const { client, membership$, rejected$, slot$ } = watching();
    const values = () => [membership$.value.length, rejected$.value.length, slot$.value.status];
    expect(values()).toEqual([0, 0, "absent"]);
    client.setState(roomId, joins(alice));
    client.setState(roomId, leaves(bob));
    client.setSlot(roomId, roomCall, { status: "open", application: { type: "m.call" } });
    expect(values()).toEqual([1, 1, "open"]);
    const subscription = membership$.subscribe();
    expect(values()).toEqual([1, 1, "open"]);
    client.emit(client.setState(roomId, joins(bob)), client.setSlot(roomId, roomCall, {}));
    expect(values()).toEqual([2, 0, "closed"]);
    subscription.unsubscribe();
    client.setState(roomId, leaves(alice));
    expect(values()).toEqual([1, 1, "closed"]);
  });

  it("keep the identity of unchanged members, lists and slots over reads and subscriptions", () => {
    const { client, membership$, slot$ } = watching();
    client.setState(roomId, joins(alice));
    client.setSlot(roomId, roomCall, { status: "open", application: { type: "m.call" } });
    const [list, slot] = [membership$.value, slot$.value];
    expect([membership$.value, slot$.value]).toEqual([list, slot]);
    expect(membership$.value).toBe(list);
    expect(slot$.value).toBe(slot);
    const seen: (readonly Membership[])[] = [];
    membership$.pipe(take(1)).subscribe((value) => seen.push(value));
    membership$.pipe(take(1)).subscribe((value) => seen.push(value));
    expect(seen.every((value) => value === list)).toBe(true);
    client.setState(roomId, joins(bob));
    expect(membership$.value).not.toBe(list);
    expect(membership$.value[0]).toBe(list[0]);
    const emitted: (readonly Membership[])[] = [];
    membership$.subscribe((value) => emitted.push(value)).unsubscribe();
    client.emit(client.setState(roomId, joins(carl)));
    membership$.subscribe((value) => emitted.push(value)).unsubscribe();
    expect(membership$.value).toBe(emitted[1]);
    expect(emitted[1]?.slice(0, 2)).toEqual(emitted[0]);
    expect(emitted[1]?.[0]).toBe(list[0]);
  });

  it("have the times of an event as the client holds it now, even if its members are kept", () => {
    const { client, membership$ } = watching();
    const event = sticks(alice, { durationMs: 1_000 });
    client.keep(roomId, event);
    const before = membership$.value;
    expect(before.map(({ expiresTs }) => expiresTs)).toEqual([1_000]);
    client.keep(roomId, { ...event, ttlMs: 2_000 });
    expect(membership$.value.map(({ expiresTs }) => expiresTs)).toEqual([2_000]);
    expect(before.map(({ expiresTs }) => expiresTs)).toEqual([1_000]);
  });

  it("do not return the old list when another list has the same length", () => {
    const { client, membership$ } = watching();
    client.setState(roomId, joins(alice));
    const list = membership$.value;
    client.setState(roomId, leaves(alice));
    client.setState(roomId, joins(bob));
    expect(membership$.value.map(({ userId }) => userId)).toEqual([bob]);
    expect(list.map(({ userId }) => userId)).toEqual([alice]);
  });

  it("give the last emitted list object again after the last subscriber has left", () => {
    const { client, membership$ } = watching();
    client.setState(roomId, joins(alice));
    const lists: (readonly Membership[])[] = [];
    const subscription = membership$.subscribe((list) => lists.push(list));
    client.emit(client.setState(roomId, joins(bob)));
    subscription.unsubscribe();
    expect(membership$.value).toBe(lists[1]);
  });

  it("have their own list for each set of rules", () => {
    const client = roomOfThree();
    client.keep(roomId, sticks(alice));
    const sessions = [
      watching({}, client),
      watching({ strictSlots: true }, client),
      watching({ slot: "m.call#2" }, client),
    ];
    const all = new Subscription();
    for (const { membership$ } of sessions) all.add(membership$.subscribe());
    expect(sessions.map(({ membership$ }) => membership$.value.length)).toEqual([1, 0, 0]);
    all.unsubscribe();
  });

  it("trace each join, departure and rejection with its reason", () => {
    const { client, membership$, trace } = watching();
    client.setState(roomId, joins(alice));
    client.setState(roomId, stateEvent({ application: 1 }, { sender: bob, stateKey: "b" }));
    membership$.subscribe();
    client.emit(client.setState(roomId, leaves(alice)));
    const words = trace.map((entry) => {
      if (entry.kind === "member-rejected") return `${entry.rejection.userId} ${entry.rejection.reason}`;
      return `${entry.kind} ${entry.member.userId}${entry.kind === "member-left" ? ` ${entry.reason}` : ""}`;
    });
    expect(words).toEqual([`member-joined ${alice}`, `${bob} malformed`, `member-left ${alice} left`, `${alice} left`]);
  });
});

describe("Rejected events", () => {
  it(
    "are listed with their reason until they end",
    marbles(({ cold, expectObservable }) => {
      const { client, rejected$ } = watching();
      happens(cold, "              -a-b-c", {
        a: () =>
          client.emit(
            client.keep(
              roomId,
              sticks(alice, { type: "m.room.encrypted", encryption: "undecryptable", durationMs: 9 }),
            ),
          ),
        b: () => client.emit(client.setState(roomId, joins(bob))),
        c: () => client.emit(client.setMembership(roomId, bob, "leave")),
      });
      const reasons$ = rejected$.pipe(map((list) => list.map(({ reason }) => reason).join(" ")));
      expectObservable(reasons$, " ^------------!").toBe("nu---x---y", {
        n: "",
        u: "undecryptable",
        x: "undecryptable not-in-room",
        y: "not-in-room",
      });
    }),
  );

  it(
    "include undecryptable sticky events, until they can be decrypted (guarantee 42)",
    marbles(({ cold, expectObservable }) => {
      const { client, names$, rejected$ } = watching();
      client.encrypt(roomId);
      const readable = sticks(bob, { encryption: "decrypted" });
      const unreadable = { ...readable, type: "m.room.encrypted", content: {}, encryption: "undecryptable" } as const;
      happens(cold, "           -u--d", {
        u: () => client.emit(client.keep(roomId, unreadable)),
        d: () => client.emit(client.keep(roomId, readable)),
      });
      const reasons$ = rejected$.pipe(map((list) => list.map(({ reason, userId }) => `${userId} ${reason}`).join()));
      expectObservable(reasons$, "^-----!").toBe("nu--n", { n: "", u: `${bob} undecryptable` });
      expectObservable(names$, "  ^-----!").toBe("n---b", { n: "", b: "bob" });
    }),
  );

  it(
    "include cleartext joins in an encrypted room, where cleartext leaves count (11 row 8)",
    marbles(({ cold, expectObservable }) => {
      const { client, names$, rejected$ } = watching();
      client.encrypt(roomId);
      client.keep(roomId, sticks(alice, { encryption: "decrypted" }));
      happens(cold, "           -j-l", {
        j: () => client.emit(client.keep(roomId, sticks(bob))),
        l: () => client.emit(client.keep(roomId, stickyEvent(stickyLeave(), { originServerTs: 1 }))),
      });
      const reasons$ = rejected$.pipe(map((list) => list.map(({ reason }) => reason).join()));
      expectObservable(names$, "  ^----!").toBe("a--n", { a: "alice", n: "" });
      expectObservable(reasons$, "^----!").toBe("nu-v", { n: "", u: "unencrypted", v: "unencrypted,left" });
    }),
  );
});

describe("The slot of a call", () => {
  const open = { status: "open", application: { type: "m.call" } };
  const slots = { a: { status: "absent" }, o: open, c: { status: "closed" } };

  it(
    "lets all members in if it is absent or open, and only state members if it is closed (8, B16)",
    marbles(({ cold, expectObservable }) => {
      const { client, names$, slot$ } = watching();
      client.setState(roomId, joins(alice));
      client.keep(roomId, sticks(bob));
      const set = (content: unknown) => () => client.emit(client.setSlot(roomId, roomCall, content));
      happens(cold, "           -c-o-e-s", { c: set({ status: "closed" }), o: set(open), e: set({}), s: set(open) });
      expectObservable(slot$, " ^--------!").toBe("ac-o-c-o", slots);
      expectObservable(names$, "^--------!").toBe("xy-x-y-x", { x: "alice bob", y: "alice" });
    }),
  );

  it(
    "lets only state members in if it is absent and slots are strict",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = watching({ strictSlots: true });
      client.setState(roomId, joins(alice));
      client.keep(roomId, sticks(bob));
      happens(cold, "           -o", { o: () => client.emit(client.setSlot(roomId, roomCall, open)) });
      expectObservable(names$, "^--------!").toBe("yx", { x: "alice bob", y: "alice" });
    }),
  );

  it(
    "must name the encryption of the room if that is required",
    marbles(({ cold, expectObservable }) => {
      const { client, slot$ } = watching({ requireSlotEncryption: true });
      const encrypted = { ...open, encryption: { type: "m.per_member" } };
      const set = (content: unknown) => () => client.emit(client.setSlot(roomId, roomCall, content));
      happens(cold, "           -o-e-p-o", {
        o: set(open),
        e: () => client.emit(client.encrypt(roomId)),
        p: set(encrypted),
      });
      expectObservable(slot$, " ^--------!").toBe("ao-c-o-c", slots);
    }),
  );

  it(
    "can have the stable type, and the type in use takes precedence",
    marbles(({ cold, expectObservable }) => {
      const { client, slot$ } = watching();
      happens(cold, "           -s-u", {
        s: () => client.emit(client.setSlot(roomId, roomCall, open, "m.rtc.slot")),
        u: () => client.emit(client.setSlot(roomId, roomCall, {})),
      });
      expectObservable(slot$, " ^--------!").toBe("ao-c", slots);
    }),
  );

  it(
    "has its own members: several calls in one room are independent",
    marbles(({ expectObservable }) => {
      const client = roomOfThree();
      const board = { application: { type: "org.example.board", page: 7 }, slot_id: "org.example.board#1" };
      const member = { id: "one", user_id: carl, device_id: "PHONE" };
      client.setState(roomId, joins(alice));
      client.setState(roomId, stateEvent(stateContent({ call_id: "two" }), { sender: bob, stateKey: "two" }));
      client.keep(roomId, stickyEvent(stickyContent({ ...board, member }), { sender: carl }));
      for (const [slot, names] of [
        ["m.call#ROOM", "alice"],
        ["m.call#two", "bob"],
        ["org.example.board#1", "carl"],
        ["org.example.board#ROOM", ""],
      ] as const) {
        const { names$, rejected$ } = watching({ slot }, client);
        expectObservable(names$, "^-!").toBe("m", { m: names });
        const reasons$ = rejected$.pipe(map((list) => list.map(({ reason }) => reason).join()));
        expectObservable(reasons$, "^-!").toBe("r", {
          r: names ? "other-slot,other-slot" : "other-slot,other-slot,other-slot",
        });
      }
    }),
  );
});

describe("The clock of a call", () => {
  let subscription = new Subscription();

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    subscription = new Subscription();
  });
  afterEach(() => {
    subscription.unsubscribe();
    vi.useRealTimers();
  });

  it("is one timer, whatever the number of members, and none without a subscriber (guarantee 7)", () => {
    const { client, membership$, rejected$, slot$ } = watching();
    const count = () => vi.getTimerCount();
    subscription.add(merge(membership$, rejected$, slot$).subscribe());
    expect(count()).toBe(0);
    const userId = (n: number) => [alice, bob, carl][n % 3] ?? alice;
    const events = Array.from({ length: 250 }, (_, n) =>
      stateEvent(stateContent({ device_id: `${n}`, expires: 1000 + n }), { sender: userId(n), stateKey: `${n}` }),
    );
    client.emit(...events.map((event) => client.setState(roomId, event)));
    for (const event of events.slice(0, 20))
      client.emit(client.setState(roomId, { ...event, eventId: `${event.eventId}'` }));
    expect(count()).toBe(1);
    vi.advanceTimersByTime(1125);
    expect([count(), membership$.value.length]).toEqual([1, 124]);
    subscription.unsubscribe();
    expect(count()).toBe(0);
  });

  it("can jump: after a sleep, an empty batch removes expired members at once", () => {
    const { client, membership$ } = watching();
    client.setState(roomId, joins(alice, hourMs));
    client.setState(roomId, joins(bob, 3 * hourMs));
    subscription.add(membership$.subscribe());
    vi.setSystemTime(2 * hourMs);
    expect(membership$.value).toHaveLength(2);
    client.emit();
    expect(membership$.value.map(({ userId }) => userId)).toEqual([bob]);
  });

  it("can jump: after a sleep, the other members expire at their time", () => {
    const { client, membership$ } = watching();
    client.setState(roomId, joins(alice, 3 * hourMs));
    subscription.add(membership$.subscribe());
    vi.setSystemTime(2 * hourMs);
    client.emit();
    vi.advanceTimersByTime(hourMs - 1);
    expect(membership$.value).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(membership$.value).toHaveLength(0);
  });

  it("can be set back: nobody expires too early", () => {
    const { client, membership$ } = watching();
    client.setState(roomId, joins(alice, hourMs));
    subscription.add(membership$.subscribe());
    vi.setSystemTime(-hourMs);
    vi.advanceTimersByTime(2 * hourMs - 1);
    expect(membership$.value).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(membership$.value).toHaveLength(0);
    expect(asyncScheduler.now()).toBe(hourMs);
  });

  it("handles ends beyond the range of timers (guarantee 27)", () => {
    const { client, membership$ } = watching();
    client.setState(roomId, joins(alice, 1e300, { originServerTs: 1e12 }));
    subscription.add(membership$.subscribe());
    vi.advanceTimersByTime(dayMs - 1);
    expect([vi.getTimerCount(), membership$.value.length]).toEqual([1, 1]);
    vi.advanceTimersByTime(1);
    expect([vi.getTimerCount(), membership$.value.length]).toEqual([0, 0]);
  });
});
