// Which keys go to whom, and when we use them. protocol.md 5.1, pitfalls 3: orderings 16 to 23.
// One column is one millisecond. Keys are used 4 ms after they are sent, and joiners get them for 10 ms.
import { filter, map, Observable, take, takeUntil, toArray } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { marbles } from "../support/marbles.ts";
import { happening, type Plan, scene } from "./scene.ts";

const quick = { useDelayMs: 4, graceMs: 10 };

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
        rotation: { useDelayMs: 8, graceMs: 10 },
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
  ] as const)("a leave at the trace entry about a send prevents that send (%s, pitfall 44)", (transport, expected) =>
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
