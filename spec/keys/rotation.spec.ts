// What goes out to whom, and when we switch, as it is seen from outside. protocol.md 5.1, pitfalls 3: orderings 16 to 23.
// One column is one millisecond: keys are used 4 ms after they are sent, and given to joiners for 10 ms.
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

/** Members come and go as drawn, each letter a list of names; and what happens is what is expected. */
const shows = (drawing: Drawing, lists: Record<string, string>, words: Record<string, string>) =>
  marbles(({ cold, expectObservable }: RunHelpers) => {
    const { members, expected, until, ...plan } = drawing;
    const { rotation = quick } = plan;
    const happening$ = happening(scene({ ...plan, rotation, members: cold(members, lists) }));
    expectObservable(happening$, until).toBe(expected, { i: "me#0", ...words });
  });

describe("the first key", () => {
  it(
    "is there at once, and is sent as soon as the room shows us",
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
    "goes to no device of ours, and once to a device that is there as two members",
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
    "waits for our own instance where an earlier one of our device is still there",
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
    "makes a new key for those who stay, used after the use delay (B10)",
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
    "of the last one makes a new key at once: nobody is there to wait for",
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
    "during a roll-out makes a further key, which the leaver never gets (ordering 18)",
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
    "within coalesceMs of another one is covered by the same key",
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
    "taken back before it is covered costs one message",
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
    "of one of two members of a device changes nothing: the device is still there",
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
    "of somebody who never was sent a key changes nothing",
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
    "within the grace period gets the same key (B9), and so does a burst; a leave inside it still makes a new one (B10, ordering 19)",
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
    "after the grace period makes a new key for all, used after the use delay (B8)",
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
    "of the first other after the grace period makes a new key, used at once",
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
    "during a roll-out gets the key in use and the one to come (ordering 17)",
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
    "of a device that was gone for less than a sync gets the key again (ordering 23), and makes no new one",
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
    "of ours, after the room showed us as gone, gives everybody a key again",
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
    "of ours, unseen because it came with the leave, gives everybody the key again",
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
    "is a refresh, a change of intent or another order: no message",
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
    "makes a new key every periodMs, if that is given, while others are there",
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
    "keeps the key while it is reached: joiners get it, leavers keep it; below it, those who left are covered",
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
    "stops everything at once, in the middle of a use delay too (ordering 16)",
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

for (const [keyTransport, expected] of [
  ["to-device", "d-----"],
  ["room-event", "r-----"],
  ["both", "(dr)--"],
] as const)
  it(
    `whoever leaves at the word that a key goes out by ${keyTransport} sends none any more (pitfall 44)`,
    marbles(({ cold, expectObservable, flush }) => {
      const members = cold("a-----b", { a: "me bob carl", b: "me bob" });
      const call = scene({ members, keyTransport, rotation: quick });
      const left$ = call.trace$.pipe(filter((entry) => entry.kind === "key-sent" && entry.keyIndex === 1));
      const sent$ = new Observable<string>((subscriber) => {
        call.sent$.subscribe((word) => subscriber.next(word));
        subscriber.add(call.key$.pipe(takeUntil(left$)).subscribe());
      });
      expectObservable(sent$).toBe(expected, { d: "0 > bob carl", r: "0 > room" });
      flush();
      expect(call.traced("key-sent").at(-1)).toMatchObject({ keyIndex: 1 });
    }),
  );

describe("delivery", () => {
  it(
    "that fails for one of three devices is tried again for that one, later each time (ordering 20)",
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
    "that the server wants later is tried again then, and no sooner than others",
    marbles(({ cold, expectObservable }) => {
      const sendings = (retryAfterMs: number) => {
        const outcome = (_: string, attempt: number) => (attempt < 3 ? "failed" : "sent");
        return happening(scene({ members: cold("a", { a: "me bob" }), outcome, retryAfterMs }));
      };
      const words = { i: "me#0", s: "0 > bob" };
      expectObservable(sendings(2_400)).toBe("(is) 2396ms s 2399ms s", words);
      expectObservable(sendings(1_500)).toBe("(is) 1496ms s 1999ms s", words);
    }),
  );

  it(
    "to a device that is unknown yet is tried again",
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
    "of which nothing is heard counts as failed after 30 s",
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
    "is not tried again for a device that has left: it is not a member at the instant of sending",
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
    "of a key that has been replaced is not tried again",
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
  "each key says since when we encrypt with it",
  marbles(({ cold, expectObservable }) => {
    const { key$ } = scene({ members: cold("a-----b", { a: "me bob carl", b: "me bob" }), rotation: quick });
    const since$ = key$.pipe(map(({ keyIndex, sinceTs }) => `${keyIndex} since ${sinceTs}`));
    expectObservable(since$).toBe("i---------u", { i: "0 since 0", u: "1 since 10" });
  }),
);

it(
  "counts keys from 0 to 255 and then from 0 (ordering 21)",
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
