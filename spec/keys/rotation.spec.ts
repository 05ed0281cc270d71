// Which keys go to whom, and when we use them. protocol.md 5.1, pitfalls 3: orderings 16 to 23.
// One column is one millisecond. Keys are used 4 ms after they are sent, joiners get them for 10 ms, and the time in which
// leaves are collected does not grow.
import { concatMap, filter, map, Observable, range, take, takeUntil, timer, toArray } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { marbles } from "../support/marbles.ts";
import { happening, keyOf, member, type Plan, roomId, scene } from "./scene.ts";
import { OwnKey } from "../../src/keys/own-key.ts";

const quick = { useDelayMs: 4, graceMs: 10, maxCoalesceMs: 0 };

interface Drawing extends Omit<Plan, "members"> {
  readonly members: string;
  readonly expected: string;
  readonly until?: string;
}

/** Draws the members, each letter a list of names; and what goes out and comes into use. */
const shows = (drawing: Drawing, lists: Record<string, string>, words: Record<string, string>) =>
  marbles(({ cold, expectObservable }: RunHelpers) => {
    const { members, expected, until, ...plan } = drawing;
    const { rotation = quick } = plan;
    const happening$ = happening(scene({ ...plan, rotation, members: cold(members, lists) }));
    expectObservable(happening$, until).toBe(expected, { i: "me#0", ...words });
  });

describe("the first key", () => {
  it(
    "the first key exists at once, and is sent as soon as the room shows us",
    shows(
      {
        members: "  a---b---c",
        expected: " i---s---t",
      },
      { a: "bob", b: "bob me", c: "bob me carl" },
      { s: "0 > bob", t: "0 > carl" },
    ),
  );

  it(
    "the first key goes to no device of ours, and once to a device with two members",
    shows(
      {
        members: "  a",
        expected: " (is)",
      },
      { a: "me bob bob2 me2" },
      { s: "0 > bob" },
    ),
  );

  it(
    "the first key goes to no device of ours that shows up later",
    shows(
      {
        members: "  a---b---",
        expected: " (is)----",
      },
      { a: "me bob", b: "me bob me2" },
      { s: "0 > bob" },
    ),
  );

  it(
    "the first key is sent once the room shows our state event, whatever member id that has",
    shows(
      {
        self: "state",
        members: "  a---b---",
        expected: " i---s---",
      },
      { a: "bob", b: "bob me.state.zoe" },
      { s: "0 > bob" },
    ),
  );

  it(
    "the first key waits for our own membership while an earlier one of our device is visible",
    shows(
      {
        members: "  a---b",
        expected: " i---s",
      },
      { a: "me2 bob", b: "me2 bob me" },
      { s: "0 > bob" },
    ),
  );
});

describe("a leave", () => {
  it(
    "a leave makes a new key for the members that stay, used after the use delay (B10)",
    shows(
      {
        members: "  a-----b",
        expected: " (is)--t---u",
      },
      { a: "me bob carl", b: "me bob" },
      { s: "0 > bob carl", t: "1 > bob", u: "me#1" },
    ),
  );

  it(
    "the leave of the last other member makes a new key, used at once",
    shows(
      {
        members: "  a-----b",
        expected: " (is)--u",
      },
      { a: "me bob", b: "me" },
      { s: "0 > bob", u: "me#1" },
    ),
  );

  it(
    "a leave during a rotation makes one more key, which the leaver never gets (ordering 18)",
    shows(
      {
        members: "  a-----b-c",
        expected: " (is)--t---(ur)v",
      },
      { a: "me bob carl dave", b: "me bob carl", c: "me bob" },
      { s: "0 > bob carl dave", t: "1 > bob carl", u: "me#1", r: "2 > bob", v: "me#2" },
    ),
  );

  it(
    "one new key covers all leaves within coalesceMs",
    shows(
      {
        rotation: { ...quick, coalesceMs: 5 },
        members: "  a-----b--c",
        expected: " (is)-------t---u",
      },
      { a: "me bob carl dave", b: "me bob carl", c: "me bob" },
      { s: "0 > bob carl dave", t: "1 > bob", u: "me#1" },
    ),
  );

  it(
    "a device that is back before its leave is covered costs one message",
    shows(
      {
        rotation: { ...quick, coalesceMs: 5 },
        members: "  a-----b--c--------",
        expected: " (is)-----t--------",
      },
      { a: "me bob carl", b: "me bob", c: "me bob carl2" },
      { s: "0 > bob carl", t: "0 > carl" },
    ),
  );

  it(
    "the leave of one of two members of a device changes nothing",
    shows(
      {
        members: "  a-----b----",
        expected: " (is)-------",
      },
      { a: "me bob bob2 carl", b: "me bob2 carl" },
      { s: "0 > bob carl" },
    ),
  );

  it(
    "the leave of a member that was never sent a key changes nothing",
    shows(
      {
        members: "  a---b----",
        expected: " i---s----",
      },
      { a: "bob carl", b: "bob me" },
      { s: "0 > bob" },
    ),
  );
});

describe("a join", () => {
  it(
    "joiners within the grace period get the key in use (B9), and a leave within it makes a new key (B10, ordering 19)",
    shows(
      {
        members: "  a----b-c-d",
        expected: " (is)-t-v-w---x",
      },
      { a: "me bob", b: "me bob carl", c: "me bob carl dave", d: "me bob carl" },
      { s: "0 > bob", t: "0 > carl", v: "0 > dave", w: "1 > bob carl", x: "me#1" },
    ),
  );

  it(
    "a join after the grace period makes a new key for all, used after the use delay (B8)",
    shows(
      {
        members: "  a-----------b",
        expected: " (is)--------t---u",
      },
      { a: "me bob", b: "me bob carl" },
      { s: "0 > bob", t: "1 > bob carl", u: "me#1" },
    ),
  );

  it(
    "the join of the first other member after the grace period makes a new key, used at once",
    shows(
      {
        members: "  a-----------b",
        expected: " i-----------(us)",
      },
      { a: "me", b: "me bob" },
      { u: "me#1", s: "1 > bob" },
    ),
  );

  it(
    "a joiner during a rotation gets the key in use and the next one (ordering 17)",
    shows(
      {
        rotation: { ...quick, useDelayMs: 8 },
        members: "  a-----b--c",
        expected: " (is)--t--(vw)-u",
      },
      { a: "me bob carl", b: "me bob", c: "me bob dave" },
      { s: "0 > bob carl", t: "1 > bob", v: "0 > dave", w: "1 > dave", u: "me#1" },
    ),
  );

  it(
    "a device that re-joined within one sync gets the key again, and causes no new one (ordering 23)",
    shows(
      {
        members: "  a------------b----",
        expected: " (is)---------t----",
      },
      { a: "me bob carl", b: "me bob2 carl" },
      { s: "0 > bob carl", t: "0 > bob" },
    ),
  );

  it(
    "our own re-join gives everybody a key again",
    shows(
      {
        members: "  a-----b----c----",
        expected: " (is)--u----t----",
      },
      { a: "me bob", b: "bob", c: "bob me" },
      { s: "0 > bob", u: "me#1", t: "1 > bob" },
    ),
  );

  it(
    "our own re-join gives everybody a key again, although another member left with us",
    shows(
      {
        members: "  a-----b----c----",
        expected: " (is)--u----t----",
      },
      { a: "me bob carl", b: "carl", c: "carl me" },
      { s: "0 > bob carl", u: "me#1", t: "1 > carl" },
    ),
  );

  it(
    "our own re-join in the same sync as the leave gives everybody the key again",
    shows(
      {
        self: "state",
        members: "  a-----b----",
        expected: " (is)--t----",
      },
      { a: "me.state bob", b: "bob me2.state" },
      { s: "0 > bob", t: "0 > bob" },
    ),
  );
});

describe("neither join nor leave", () => {
  it(
    "a renewal, a change of intent or a new order of members sends nothing",
    shows(
      {
        members: "  a------------b---c---",
        expected: " (is)-----------------",
      },
      { a: "me bob carl.state dave", b: "me carl.state~ dave bob~", c: "carl.state~ dave bob~ me~" },
      { s: "0 > bob carl dave" },
    ),
  );
});

describe("age", () => {
  it(
    "age makes a new key every periodMs while others are in the call",
    shows(
      {
        rotation: { ...quick, periodMs: 8 },
        members: "  a-------b-------------c",
        expected: " i-------(us)----t---v-w",
      },
      { a: "me", b: "me bob", c: "me" },
      { u: "me#1", s: "1 > bob", t: "2 > bob", v: "me#2", w: "me#3" },
    ),
  );
});

describe("participantLimit", () => {
  it(
    "the key stays while participantLimit is reached, and a new one covers the leavers below it",
    shows(
      {
        rotation: { ...quick, participantLimit: 4 },
        members: "  a-----------b---c----d",
        expected: " (is)--------t--------v---w",
      },
      { a: "me bob carl", b: "me bob carl dave erin", c: "me bob carl dave", d: "me bob carl" },
      { s: "0 > bob carl", t: "0 > dave erin", v: "1 > bob carl", w: "me#1" },
    ),
  );
});

describe("the trace of participantLimit", () => {
  it(
    "the trace says once that no new key is made for those who left, until one is made",
    marbles(({ cold, expectObservable, flush }) => {
      const lists = {
        a: "me bob carl dave erin",
        b: "me bob carl dave",
        c: "me bob carl",
        d: "me bob",
        e: "me bob finn gina",
        f: "me bob finn",
      };
      const call = scene({ rotation: { ...quick, participantLimit: 3 }, members: cold("a-b-c-d------e-f", lists) });
      expectObservable(call.installed$, "^ 20ms !").toBe("i---------u", { i: "me#0", u: "me#1" });
      flush();
      expect(call.traced("rotation-suppressed", "key-created")).toMatchObject([
        { kind: "key-created" },
        { kind: "rotation-suppressed", userCount: 4 },
        { kind: "key-created" },
        { kind: "rotation-suppressed", userCount: 3 },
      ]);
    }),
  );
});

describe("the budget of rotations", () => {
  const lists = { a: "me carl bob", b: "me carl" };

  it(
    "leaves are collected for 1, 2, 4, 8 and at most 10 s while they keep coming (S10)",
    marbles(({ expectObservable }) => {
      const letters = [..."abcdefghij"];
      const names = letters.flatMap((first) => letters.map((second) => `user-${first}${second}`));
      // One user leaves each second.
      const members = range(0, 90).pipe(
        concatMap((count) => timer(count > 0 ? 1_000 : 0).pipe(map(() => ["me", ...names.slice(count)].join(" ")))),
      );
      const { key$ } = scene({ members, rotation: { useDelayMs: 1_000, graceMs: 60_000 } });
      const used$ = key$.pipe(
        filter(({ own }) => own),
        map(({ keyIndex }) => keyIndex.toString(36)),
      );
      // Each key is used 1 s after its rotation.
      expectObservable(used$, "^ 90s !").toBe(
        "0 1999ms 1 1999ms 2 1999ms 3 3999ms 4 7999ms 5 9999ms 6 9999ms 7 9999ms 8 9999ms 9 9999ms a 9999ms b 9999ms c",
      );
    }),
  );

  it(
    "leaves are collected for a shorter time again once it is quiet",
    marbles(({ cold, expectObservable }) => {
      const members = cold("a 2s b 999ms a 999ms b 4s a 9s b 4s a 60s b", lists);
      const { trace$, key$ } = scene({ members, rotation: { useDelayMs: 1_000, graceMs: 90_000 } });
      const created$ = new Observable<string>((subscriber) => {
        subscriber.add(
          trace$
            .pipe(concatMap((entry) => (entry.kind === "key-created" ? [String(entry.keyIndex)] : [])))
            .subscribe(subscriber),
        );
        subscriber.add(key$.subscribe());
      });
      expectObservable(created$, "^ 100s !").toBe("0 2000ms 1 2999ms 2 13001ms 3 63001ms 4");
    }),
  );

  it(
    "the leave of a user who was kicked makes a new key at once, however many leaves came before (S10)",
    shows(
      {
        rotation: { ...quick, coalesceMs: 2_000, maxCoalesceMs: 10_000 },
        outsider: "mallory",
        members: "  a-----b",
        expected: " (is)--t---u",
      },
      { a: "me bob mallory", b: "me bob" },
      { s: "0 > bob mallory", t: "1 > bob", u: "me#1" },
    ),
  );
});

describe("a kick", () => {
  it(
    "a kick does not delay the new key of the next leave",
    shows(
      {
        rotation: { ...quick, maxCoalesceMs: 10_000 },
        outsider: "mallory",
        members: "  a-----b 1s       c",
        expected: " (is)--t---u 996ms v---w",
      },
      { a: "me bob carl mallory", b: "me bob carl", c: "me bob" },
      { s: "0 > bob carl mallory", t: "1 > bob carl", u: "me#1", v: "2 > bob", w: "me#2" },
    ),
  );

  it("a kick is forgotten once the user is in the call again and gets the key", () => {
    const key = new OwnKey(0, keyOf(1), 0, 0);
    const device = { userId: "@mallory:example.org", deviceId: "PHONE" };
    key.enqueue(device, 0);
    key.popDue(0);
    key.cancel(device, true, 5);
    expect(key.removedSinceTs).toBe(5);
    key.enqueue(device, 6);
    expect(key.removedSinceTs).toBeUndefined();
  });
});

describe("participantLimit and users", () => {
  const limited = { ...quick, participantLimit: 4 };

  it("participantLimit counts users: many devices of one user do not stop rotation (S8)", () =>
    marbles(({ cold, expectObservable }) => {
      const devices = Array.from({ length: 60 }, (_, count) => ({
        ...member(`mallory${count}`),
        deviceId: `MADE-UP-${count}`,
      }));
      const call = scene({
        rotation: limited,
        members: cold("a-----b", {
          a: [member("me"), member("bob"), ...devices],
          b: [member("me"), member("bob"), ...devices.slice(1)],
        }),
      });
      const used$ = call.key$.pipe(map(({ keyIndex }) => String(keyIndex)));
      expectObservable(used$).toBe("0---------1");
    })());

  it(
    "a user who was kicked makes a new key although the limit is reached (S8)",
    shows(
      {
        rotation: limited,
        outsider: "mallory",
        members: "  a-----b",
        expected: " (is)--t---u",
      },
      { a: "me bob carl dave mallory", b: "me bob carl dave" },
      { s: "0 > bob carl dave mallory", t: "1 > bob carl dave", u: "me#1" },
    ),
  );

  it(
    "a user who left the call while the limit is reached makes a new key once kicked (S8)",
    marbles(({ cold, hot, expectObservable }) => {
      const removal = { kind: "state", roomId, type: "m.room.member", stateKey: "@mallory:example.org" } as const;
      const call = scene({
        rotation: limited,
        outsider: "mallory",
        outsiderFromTs: 20,
        members: cold("a-----b", { a: "me bob carl dave mallory", b: "me bob carl dave" }),
        changes: hot(" -------------------- x", { x: [{ ...removal, type: "m.room.name", stateKey: "" }, removal] }),
      });
      expectObservable(happening(call), "^ 40ms !").toBe("(is)----------------t---u", {
        i: "me#0",
        s: "0 > bob carl dave mallory",
        t: "1 > bob carl dave",
        u: "me#1",
      });
    }),
  );

  it(
    "a user who left the call while the limit is reached makes no new key when another one joins the room",
    marbles(({ cold, hot, expectObservable }) => {
      const change = { kind: "state", roomId, type: "m.room.member", stateKey: "@zoe:example.org" } as const;
      const call = scene({
        rotation: limited,
        members: cold("a-----b", { a: "me bob carl dave mallory", b: "me bob carl dave" }),
        changes: hot(" -------------------- x", { x: [change] }),
      });
      expectObservable(happening(call), "^ 40ms !").toBe("(is)", { i: "me#0", s: "0 > bob carl dave mallory" });
    }),
  );

  it("what is remembered of the devices of a leaver is limited (S14)", () => {
    const key = new OwnKey(0, keyOf(1), 0, 0);
    const device = (count: number) => ({ userId: "@mallory:example.org", deviceId: `MADE-UP-${count}` });
    for (let count = 0; count < 10_000; count++) {
      key.enqueue(device(count), count);
      key.popDue(count);
      key.cancel(device(count), false, count);
    }
    // The last hundred are.
    expect([0, 9_899, 9_900, 9_999].map((count) => key.mayBeHeldBy(device(count)))).toEqual([false, false, true, true]);
    expect(key.exposedSinceTs).toBe(0);
    for (let count = 9_900; count < 10_000; count++) key.enqueue(device(count), 10_000);
    expect(key.exposedSinceTs).toBe(0);
  });
});

describe("re-sends", () => {
  it(
    "a device that re-joins again and again gets the key again every 5 s at most (S10)",
    marbles(({ cold, expectObservable }) => {
      const members = cold("a----b----a----b----a 4s b", { a: "me bob carl", b: "me bob2 carl" });
      const call = scene({ members, rotation: { ...quick, graceMs: 60_000 } });
      expectObservable(happening(call), "^ 20s !").toBe("(is)-r 4999ms r", {
        i: "me#0",
        s: "0 > bob carl",
        r: "0 > bob",
      });
    }),
  );

  it(
    "a device that re-joins again and again during a rotation gets the keys again every 5 s at most",
    shows(
      {
        rotation: { ...quick, useDelayMs: 4_000 },
        members: "  a----b----c----d----e",
        // It gets both keys with its first re-join, and the key in use by then after the second.
        expected: " (is)-t----(vw) 3991ms u 1004ms w",
        until: "    ^ 6s !",
      },
      { a: "me bob carl", b: "me carl", c: "me carl bob2", d: "me carl", e: "me carl bob3" },
      { s: "0 > bob carl", t: "1 > carl", v: "0 > bob", w: "1 > bob", u: "me#1" },
    ),
  );
});

describe("leaving", () => {
  it(
    "leaving stops everything at once, also during a use delay (ordering 16)",
    shows(
      {
        members: "  a-----b----c",
        until: "    --------!",
        expected: " (is)--t---",
      },
      { a: "me bob carl", b: "me bob", c: "me bob dave" },
      { s: "0 > bob carl", t: "1 > bob" },
    ),
  );
});

describe("a leave at the trace entry about a send", () => {
  it.each([
    ["to-device", "d-----"],
    ["room-event", "r-----"],
    ["both", "(dr)--"],
  ] as const)("a leave at the trace entry about a send prevents that send (%s, guarantee 44)", (transport, expected) =>
    marbles(({ cold, expectObservable, flush }) => {
      const members = cold("a-----b", { a: "me bob carl", b: "me bob" });
      const call = scene({ members, transport, rotation: quick });
      const left$ = call.trace$.pipe(filter((entry) => entry.kind === "key-sent" && entry.keyIndex === 1));
      const sent$ = new Observable<string>((subscriber) => {
        call.sent$.subscribe((word) => subscriber.next(word));
        subscriber.add(call.key$.pipe(takeUntil(left$)).subscribe());
      });
      expectObservable(sent$).toBe(expected, { d: "0 > bob carl", r: "0 > room" });
      flush();
      expect(call.traced("key-sent").at(-1)).toMatchObject({ keyIndex: 1 });
    })(),
  );
});

describe("delivery", () => {
  it(
    "a failed delivery to one of three devices is sent again to that one, with growing pauses (ordering 20)",
    shows(
      {
        outcome: (name, attempt) => (name === "carl" && attempt < 3 ? "failed" : "sent"),
        members: "  a",
        expected: " (is) 996ms t 1999ms t",
      },
      { a: "me bob carl dave" },
      { s: "0 > bob carl dave", t: "0 > carl" },
    ),
  );

  it(
    "a delivery that the server limits is sent again when the server allows it",
    marbles(({ cold, expectObservable }) => {
      const sends = (retryAfterMs: number) => {
        const outcome = (_: string, attempt: number) => (attempt < 3 ? "failed" : "sent");
        return happening(scene({ members: cold("a", { a: "me bob" }), outcome, retryAfterMs }));
      };
      const words = { i: "me#0", s: "0 > bob" };
      expectObservable(sends(2_400)).toBe("(is) 2396ms s 2399ms s", words);
      expectObservable(sends(1_500)).toBe("(is) 1496ms s 1999ms s", words);
    }),
  );

  it.each([
    ["a day", 86_400_000, "(is) 299996ms s"],
    ["for ever", Infinity, "(is) 299996ms s"],
    ["no number of milliseconds", NaN, "  (is) 996ms s"],
    ["a time in the past", -5_000, "    (is) 996ms s"],
  ])("a delivery is sent again after five minutes at most: a limit of %s", (_, retryAfterMs, expected) =>
    marbles(({ cold, expectObservable }) => {
      const outcome = (__: string, attempt: number) => (attempt === 1 ? "failed" : "sent");
      const sends$ = happening(scene({ members: cold("a", { a: "me bob" }), outcome, retryAfterMs }));
      expectObservable(sends$, "^ 10m !").toBe(expected, { i: "me#0", s: "0 > bob" });
    })(),
  );

  it(
    "a delivery to a device that is not known yet is sent again",
    shows(
      {
        outcome: (_, attempt) => (attempt === 1 ? "unknown-device" : "sent"),
        members: "  a",
        expected: " (is) 996ms t",
      },
      { a: "me bob" },
      { s: "0 > bob", t: "0 > bob" },
    ),
  );

  it(
    "a delivery without an answer counts as failed after 30 s",
    shows(
      {
        outcome: (_, attempt) => (attempt === 1 ? "silence" : "sent"),
        members: "  a",
        expected: " (is) 30996ms t",
      },
      { a: "me bob" },
      { s: "0 > bob", t: "0 > bob" },
    ),
  );

  it(
    "a failed delivery is not sent again to a device that has left",
    shows(
      {
        outcome: (name) => (name === "carl" ? "failed" : "sent"),
        members: "  a 499ms b",
        expected: " (is) 496ms t---u",
      },
      { a: "me bob carl", b: "me bob" },
      { s: "0 > bob carl", t: "1 > bob", u: "me#1" },
    ),
  );

  it(
    "a device that has left gets nothing more, and makes no new key, once the client says that it left it out",
    shows(
      {
        rotation: { ...quick, coalesceMs: 9_000 },
        latencyMs: 3,
        outcome: (name) => (name === "carl" ? "not-cross-signed" : "sent"),
        members: "  a-b",
        expected: " (is)",
        until: "    ^ 20s !",
      },
      { a: "me bob carl", b: "me bob" },
      { s: "0 > bob carl" },
    ),
  );

  it(
    "a failed delivery of a replaced key is not sent again",
    shows(
      {
        outcome: (name, attempt) => (name === "carl" && attempt === 1 ? "failed" : "sent"),
        members: "  a 499ms b",
        expected: " (is) 496ms t---u",
      },
      { a: "me bob carl dave", b: "me bob carl" },
      { s: "0 > bob carl dave", t: "1 > bob carl", u: "me#1" },
    ),
  );
});

it(
  "each key of ours says since when we encrypt with it",
  marbles(({ cold, expectObservable }) => {
    const { key$ } = scene({ members: cold("a-----b", { a: "me bob carl", b: "me bob" }), rotation: quick });
    const since$ = key$.pipe(map(({ keyIndex, sinceTs }) => `${keyIndex} since ${sinceTs}`));
    expectObservable(since$).toBe("i---------u", { i: "0 since 0", u: "1 since 10" });
  }),
);

it(
  "key indexes count from 0 to 255 and then from 0 (ordering 21)",
  marbles(({ cold, expectObservable }) => {
    const { key$ } = scene({ members: cold("a", { a: "me bob" }), rotation: { useDelayMs: 1, periodMs: 2 } });
    const indexes$ = key$.pipe(
      map(({ keyIndex }) => keyIndex),
      take(258),
      toArray(),
    );
    expectObservable(indexes$).toBe("515ms (i|)", { i: [...Array(256).keys(), 0, 1] });
  }),
);

it.each([
  ["16", "io.element.call.encryption_keys"],
  ["32", "m.rtc.encryption_key"],
] as const)("our keys have %s bytes in the format %s", (bytes, format) =>
  marbles(({ cold, expectObservable }) => {
    const { key$ } = scene({ format, members: cold("a", { a: "me bob" }) });
    expectObservable(key$.pipe(map(({ key }) => String(key.length))), "^--!").toBe("i", { i: bytes });
  })(),
);
