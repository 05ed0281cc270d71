// How the log of calls reads the past: which pages it asks for, what is certain after each, and what its calls say. protocol.md 9.4.
import { map, type Observable, of, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { type CallHistory, callHistory, type CallHistoryOptions, type PastCall } from "../../src/history/index.ts";
import type { PastEvent, RoomEvent, TimelineChange, TimelineEvent } from "../../src/matrix.ts";
import { RtcError } from "../../src/index.ts";
import { marbles } from "../support/marbles.ts";
import { happens } from "../support/happens.ts";
import { draw, type Drawing, eventsIn, minuteMs, slot, t0 } from "./drawn.ts";
import { portOf, roomId } from "./port.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];

const drawnHistory = (drawing: Drawing, options: CallHistoryOptions = {}) => {
  const { matrix, pages } = portOf({ past: eventsIn(drawing) });
  return { history$: callHistory(matrix, roomId, options), pages };
};

/** The states up to the end of the past, which is read at once here. */
const statesOf = (history$: Observable<CallHistory>): CallHistory[] => {
  const states: CallHistory[] = [];
  history$.subscribe((state) => states.push(state)).unsubscribe();
  return states;
};

/** Draws calls that are over. */
const drawCalls = (calls: readonly PastCall[]): string =>
  draw(calls.map(({ startTs, endTs = startTs }) => ({ startTs, endTs })).toReversed());

const withoutKey = ({ stateKey: _stateKey, ...event }: PastEvent): PastEvent => event;

const minute = (ts: number) => (ts - t0) / minuteMs;
const inWords = ({ calls, certainSinceTs, isComplete }: CallHistory) =>
  `${drawCalls(calls)} since ${minute(certainSinceTs)}${isComplete ? ", complete" : ""}`;

describe("The log of calls reads the past", () => {
  it("page by page until the room begins, and says after each page what it has found", () => {
    const { history$, pages } = drawnHistory({ alice: "j-l  j-l" }, { pageSize: 2 });
    expect(statesOf(history$).map(inWords)).toEqual([
      " since Infinity",
      "     [-] since 65",
      "[-]  [-] since -Infinity, complete",
    ]);
    expect(pages).toEqual([
      [roomId, { limit: 2 }],
      [roomId, { limit: 2, from: "2" }],
    ]);
  });

  it.each<[string, number, readonly string[]]>([
    ["no further than the page that begins before it", 4, ["      [-] since 66", "   [] [-] since 63, complete"]],
    [
      "on after a page that begins with it",
      3,
      ["      [-] since 66", "   [] [-] since 63", "   [] [-] since -Infinity, complete"],
    ],
  ])("since a time %s", (_, since, states) => {
    const { history$, pages } = drawnHistory({ alice: "jl jl j-l" }, { pageSize: 2, since: t0 + since * minuteMs });
    expect(statesOf(history$).map(inWords)).toEqual([" since Infinity", ...states]);
    expect(pages).toHaveLength(states.length);
  });

  it("no further than the oldest event of a page needs", () => {
    const { history$, pages } = drawnHistory({ alice: "jl jl j-l" }, { pageSize: 3, since: t0 + 5 * minuteMs });
    statesOf(history$);
    expect(pages).toHaveLength(1);
  });

  it("until it finds the membership that a ring of 2025 names in the place of a slot", () => {
    const [join, leave] = eventsIn({ alice: "j---l" });
    const content = {
      "m.relates_to": { rel_type: "m.reference", event_id: join!.eventId },
      "m.mentions": { user_ids: [bob] },
      sender_ts: t0,
      lifetime: 30_000,
    };
    const ring: PastEvent = { ...withoutKey(join!), type: "m.rtc.notification", eventId: "$ring", content };
    const states = statesOf(callHistory(portOf({ past: [join!, ring, leave!] }).matrix, roomId, { pageSize: 1 }));
    expect(states.at(-1)!.calls.map(({ rings }) => rings.length)).toEqual([1]);
  });

  it("in pages of 100 events, if it is not told otherwise", () => {
    const { history$, pages } = drawnHistory({});
    statesOf(history$);
    expect(pages).toEqual([[roomId, { limit: 100 }]]);
  });

  it("on after a page without events", () => {
    const [first, second] = eventsIn({ alice: "j-l" });
    const page = (events: readonly PastEvent[], next?: string) => of({ events, ...(next !== undefined && { next }) });
    const { matrix } = portOf({
      olderEvents: (_, { from }) =>
        from === undefined ? page([second!], "empty") : from === "empty" ? page([], "last") : page([first!]),
    });
    expect(statesOf(callHistory(matrix, roomId, { since: t0 - minuteMs })).map(inWords)).toEqual([
      " since Infinity",
      " since 62",
      " since 62",
      "[-] since -Infinity, complete",
    ]);
  });

  it("of a room without events, whose first page is the whole", () => {
    expect(statesOf(drawnHistory({}).history$).map(inWords)).toEqual([" since Infinity", " since -Infinity, complete"]);
  });

  it(
    "until a page fails, with the cause",
    marbles(({ expectObservable }) => {
      const cause = new Error("no network");
      const { matrix } = portOf({ olderEvents: () => throwError(() => cause) });
      const error = new RtcError("request-failed", "a page of the past could not be read", { cause });
      expectObservable(callHistory(matrix, roomId)).toBe(
        "(n#)",
        { n: { calls: [], certainSinceTs: Infinity, isComplete: false } },
        error,
      );
    }),
  );
});

describe("The calls since a time", () => {
  it("are those that end at it or later", () => {
    const { history$ } = drawnHistory({ alice: "j-l j-l j-l" }, { since: t0 + 6 * minuteMs });
    expect(drawCalls(statesOf(history$).at(-1)!.calls)).toBe("    [-] [-]");
  });
});

describe("A past call", () => {
  const lastOf = (drawing: Drawing): PastCall => statesOf(drawnHistory(drawing).history$).at(-1)!.calls[0]!;

  it("has each participant once, in the order of their first stays", () => {
    expect(lastOf({ alice: " j-l-j-l", bob: "j-----l" }).participants).toEqual([bob, alice]);
  });

  it.each<[string | undefined, string | undefined, string | undefined]>([
    ["video", "video", "video"],
    ["video", undefined, "video"],
    [undefined, "audio", "audio"],
    ["video", "audio", undefined],
    [undefined, undefined, undefined],
  ])("whose devices stated the intents %s and %s has the intent %s", (ofAlice, ofBob, expected) => {
    const [joinOfAlice, joinOfBob] = eventsIn({ alice: "j", bob: " j" });
    const withIntent = (event: PastEvent | undefined, intent: string | undefined): PastEvent => {
      const stated = intent !== undefined && { "m.call.intent": intent };
      return { ...event!, content: { ...(event!.content as object), ...stated } };
    };
    const past = [withIntent(joinOfAlice, ofAlice), withIntent(joinOfBob, ofBob)];
    const states = statesOf(callHistory(portOf({ past }).matrix, roomId));
    expect(states.at(-1)!.calls.map(({ intent }) => intent)).toEqual([expected]);
  });

  it("is the same object after a page in which nothing is about it, and another one after a page in which something is", () => {
    const { history$ } = drawnHistory({ alice: "j-l j-l   j-l", bob: "         j-l" }, { pageSize: 3 });
    const [, first, second, third] = statesOf(history$).map(({ calls }) => calls);
    expect([first, second, third].map((calls) => drawCalls(calls!))).toEqual([
      "          [-]",
      "    [-]  [--]",
      "[-] [-]  [--]",
    ]);
    expect(second![0]).not.toBe(first![0]);
    expect(third![0]).toBe(second![0]);
  });

  it(
    "with a ring is the same object until something becomes different about a ring",
    marbles(({ cold, expectObservable }) => {
      const event = (
        eventId: string,
        sender: string,
        type: string,
        content: object,
        stateKey?: string,
      ): TimelineEvent => {
        const state = stateKey !== undefined && { stateKey };
        return { type, sender, eventId, originServerTs: 0, encryption: "cleartext", content, ...state };
      };
      const member = event(
        "$member",
        alice,
        "org.matrix.msc3401.call.member",
        { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" }, expires: 9e6 },
        "_@alice:example.org_P_m.call",
      );
      const ring = (eventId: string) =>
        event(eventId, alice, "m.rtc.notification", {
          slot_id: slot,
          sender_ts: 0,
          lifetime: 90_000,
          "m.mentions": { user_ids: [bob], room: true },
        });
      const decline = (eventId: string, ringId: string) =>
        event(eventId, bob, "m.rtc.decline", { "m.relates_to": { rel_type: "m.reference", event_id: ringId } });
      const person = (userId: string) => event(`$${userId}`, userId, "m.room.member", { membership: "join" }, userId);
      const state: RoomEvent[] = [member, person(alice), person(bob)];
      happens(cold, "         5ms ----c---e", { c: () => state.push(person(carl)), e: () => state.pop() });
      const arrives = (arrived: TimelineEvent): TimelineChange[] => [{ kind: "event", roomId, event: arrived }];
      const unrelated = event("$slot", alice, "m.rtc.slot", {}, "m.call#side");
      const timeline$ = cold("  5ms r-u-u-d-u-s-u", {
        r: arrives(ring("$ring")),
        u: arrives(unrelated),
        d: arrives(decline("$no", "$ring")),
        s: arrives(ring("$ring2")),
      });
      const { matrix } = portOf({ state, timeline$ });
      const seen: PastCall[] = [];
      const object$ = callHistory(matrix, roomId).pipe(
        map(({ calls: [call] }) => {
          if (call && !seen.includes(call)) seen.push(call);
          return String(seen.indexOf(call!));
        }),
      );
      expectObservable(object$, "^ 20ms !").toBe("   (00)-1-1-2-3-4-5-5");
    }),
  );
});
