// What a client learns of a room, and what that does to the rings in it. Alice is rung. A ring starts 100 ms later. protocol.md 7.3, 7.4.
import { EMPTY, map, Subject } from "rxjs";
import { describe, expect, it, vi } from "vitest";
import type { StickyEvent, TimelineChange, TimelineEvent } from "../../src/matrix.ts";
import { watchRinging, watchRingingEverywhere } from "../../src/ringing/index.ts";
import { bob, carl, roomCall as slot, roomId, stickyEvent } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import { happens } from "../support/happens.ts";
import { marbles } from "../support/marbles.ts";
import { joins, roomOfThree } from "../support/watching.ts";
import { soundOf, sounds, wordsOf } from "./scene.ts";

const alice = "@alice:example.org";
const type = "m.rtc.notification";
const content = { slot_id: slot, sender_ts: 0, lifetime: 9_000, "m.mentions": { user_ids: [alice] } };

/** A ring of Bob, as a sticky event, and as an event of the timeline. */
const sticky = (changes: object = {}, more: Partial<StickyEvent> = {}): StickyEvent =>
  stickyEvent({ ...content, ...changes }, { type, sender: bob, eventId: "$ring", originServerTs: 0, ...more });
const inTimeline = (changes: object = {}, more: Partial<TimelineEvent> = {}): TimelineEvent => {
  const event = { type, sender: bob, eventId: "$ring", originServerTs: 0, content: { ...content, ...changes } };
  return { ...event, encryption: "cleartext", ...more };
};

/** A client with a timeline, which a spec fills and whose changes it emits. */
function clientWithTimeline() {
  const events: TimelineEvent[] = [];
  const timeline$ = new Subject<readonly TimelineChange[]>();
  const client = Object.assign(roomOfThree(), { timeline: () => events, timeline$ });
  const arrives = (event: TimelineEvent, id = roomId) => {
    events.push(event);
    timeline$.next([{ kind: "event", roomId: id, event }]);
  };
  return { client, events, timeline$, arrives, ringing: watchRinging(client, { roomId, slot }) };
}

describe("A ring in a client's news", () => {
  it(
    "begins with a sticky event, and ends with its redaction",
    marbles(({ cold, expectObservable }) => {
      const client = roomOfThree();
      happens(cold, "                                                  -a 999ms r", {
        a: () => client.emit(client.keep(roomId, sticky())),
        r: () => client.emit(...client.redact(roomId, "$ring")),
      });
      expectObservable(soundOf(watchRinging(client, { roomId, slot })), "^ 9s !").toBe("s 100ms r 899ms s", sounds);
    }),
  );

  it(
    "begins when the whole room is read again",
    marbles(({ cold, expectObservable }) => {
      const client = roomOfThree();
      happens(cold, "                                                  1s a", {
        a: () => {
          client.keep(roomId, sticky());
          client.emit({ kind: "room", roomId });
        },
      });
      expectObservable(soundOf(watchRinging(client, { roomId, slot })), "^ 9s !").toBe("s 1099ms r 7899ms s", sounds);
    }),
  );

  it(
    "begins when the timeline is read again after a gap",
    marbles(({ cold, expectObservable }) => {
      const { events, timeline$, ringing } = clientWithTimeline();
      happens(cold, "                    1s a", {
        a: () => {
          events.push(inTimeline());
          timeline$.next([{ kind: "gap", roomId }]);
        },
      });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s 1099ms r 7899ms s", sounds);
    }),
  );

  it(
    "begins at once if it was there before we looked",
    marbles(({ expectObservable }) => {
      const client = roomOfThree();
      client.keep(roomId, sticky());
      const { events, ringing } = clientWithTimeline();
      events.push(inTimeline());
      expectObservable(soundOf(watchRinging(client, { roomId, slot })), "^ 2s !").toBe("r", sounds);
      expectObservable(soundOf(ringing), "                               ^ 2s !").toBe("r", sounds);
    }),
  );

  it(
    "ends with a redaction in the timeline",
    marbles(({ cold, expectObservable }) => {
      const { arrives, ringing } = clientWithTimeline();
      happens(cold, "                    -a 999ms r", {
        a: () => arrives(inTimeline()),
        r: () =>
          arrives(inTimeline({}, { type: "m.room.redaction", eventId: "$redaction", content: { redacts: "$ring" } })),
      });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s 100ms r 899ms s", sounds);
    }),
  );

  it(
    "of another room is none of this room",
    marbles(({ cold, expectObservable }) => {
      const { client, timeline$, ringing } = clientWithTimeline();
      const other = "!other:example.org";
      happens(cold, "                    -a 999ms b", {
        a: () =>
          client.emit({ kind: "sticky", roomId: other, event: sticky() }, { kind: "redaction", roomId, eventId: "$x" }),
        b: () =>
          timeline$.next([
            { kind: "event", roomId: other, event: inTimeline() },
            { kind: "gap", roomId },
          ]),
      });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s", sounds);
    }),
  );

  it(
    "that names a membership alone begins when that membership is known",
    marbles(({ cold, expectObservable }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      const reference = { "m.relates_to": { rel_type: "m.reference", event_id: "$member" } };
      const trace: string[] = [];
      ringing.trace$.pipe(map(wordsOf)).subscribe((words) => trace.push(words));
      happens(cold, "                    a 999ms m", {
        a: () => arrives(inTimeline({ slot_id: undefined, ...reference })),
        m: () => client.emit(client.setState(roomId, joins(bob, 60_000, { eventId: "$member", originServerTs: 0 }))),
      });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s 1099ms r 7899ms s", sounds);
      expectObservable(cold("2s t").pipe(map(() => trace.join(", ")))).toBe("2s t", {
        t: "ring-refused malformed, a ringing, ring-started",
      });
    }),
  );

  it(
    "ends when the call that it names is over, also if the last membership expires without an event",
    marbles(({ cold, expectObservable }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      const reference = { "m.relates_to": { rel_type: "m.reference", event_id: "$member" } };
      client.setState(roomId, joins(bob, 3_000, { eventId: "$member", originServerTs: 0 }));
      happens(cold, "                    -a", { a: () => arrives(inTimeline(reference)) });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s 100ms r 2898ms s", sounds);
      const reason$ = ringing.trace$.pipe(map(wordsOf));
      expectObservable(reason$, "         ^ 5s !").toBe("-o 99ms s 2898ms (ew)", {
        o: "a ringing",
        s: "ring-started",
        e: "ring-ended call-over",
        w: "a withdrawn",
      });
    }),
  );

  it(
    "that is refused is looked at again when its time is over, and its refusal is said once for each reason",
    marbles(({ cold, expectObservable }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      ringing.incoming$.subscribe();
      happens(cold, "                -a 999ms n 999ms n", {
        a: () => arrives(inTimeline({ "m.mentions": { room: true } })),
        n: () => client.emit({ kind: "room", roomId }),
      });
      const words$ = ringing.trace$.pipe(map(wordsOf));
      expectObservable(words$, "      ^ 12s !").toBe("-r 8998ms e", {
        r: "ring-refused may-not-notify-room",
        e: "ring-refused expired",
      });
    }),
  );

  it(
    "for another call in the room does not ring",
    marbles(({ cold, expectObservable }) => {
      const { arrives, ringing } = clientWithTimeline();
      happens(cold, "                    -a", { a: () => arrives(inTimeline({ slot_id: "m.call#side" })) });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s", sounds);
      expectObservable(ringing.rings$, "  ^ 9s !").toBe("n", { n: [] });
    }),
  );

  it(
    "that names no membership ends when the last member has left since",
    marbles(({ cold, expectObservable }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      const stateKey = `_${bob}_PHONE_m.call`;
      client.setState(roomId, joins(bob, 9e6, { originServerTs: 0, stateKey }));
      const leave = { ...joins(bob), content: {}, stateKey, originServerTs: 2_000 };
      happens(cold, "                    -a 2s l", {
        a: () => arrives(inTimeline()),
        l: () => client.emit(client.setState(roomId, leave)),
      });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s 100ms r 1900ms s", sounds);
    }),
  );

  it(
    "ends with its call, also if an older ring is over already",
    marbles(({ cold, expectObservable }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      client.setState(roomId, joins(bob, 5_000, { eventId: "$member", originServerTs: 0 }));
      const reference = { "m.relates_to": { rel_type: "m.reference", event_id: "$member" } };
      happens(cold, "                    -a 2s b", {
        a: () => arrives(inTimeline({ lifetime: 1_000 }, { sender: carl, eventId: "$old" })),
        b: () => arrives(inTimeline(reference)),
      });
      expectObservable(soundOf(ringing), "^ 9s !").toBe("s 100ms r 898ms s 1101ms r 2897ms s", sounds);
    }),
  );

  it("ends if the clock has jumped over its end, at the news that says so", () => {
    vi.useFakeTimers({ now: 0 });
    const client = roomOfThree();
    client.keep(roomId, sticky({ lifetime: 5_000 }));
    const counts: number[] = [];
    const following = watchRinging(client, { roomId, slot }).incoming$.subscribe(({ length }) => counts.push(length));
    vi.setSystemTime(60_000);
    client.emit();
    expect(counts).toEqual([1, 0]);
    following.unsubscribe();
    vi.useRealTimers();
  });
});

describe("The outcome of a ring", () => {
  it.each([
    ["30s", "joined"],
    ["90s", "no-answer"],
  ])(
    "counts a membership of its time that arrives within a minute after its end, and is final then (%s, %s)",
    (arrival, outcome) =>
      marbles(({ cold, flush }) => {
        const { client, arrives, ringing } = clientWithTimeline();
        let last: string | undefined;
        ringing.rings$.subscribe(([ring]) => (last = ring?.outcomes.get(alice)));
        const looks = () => client.emit({ kind: "room", roomId });
        happens(cold, "- a 79s n", { a: () => arrives(inTimeline({ lifetime: 5_000 })), n: looks });
        happens(cold, `${arrival} m`, {
          m: () => client.emit(client.setState(roomId, joins(alice, 9e6, { originServerTs: 4_000 }))),
        });
        flush();
        expect(last).toBe(outcome);
      })(),
  );

  it.each([
    ["before it", 999, "no-answer"],
    ["with its start", 1_000, "joined"],
    ["while it rang", 2_000, "joined"],
    ["with its end", 5_000, "joined"],
    ["later", 6_000, "joined"],
  ])("is told by a leave after a reload: of a target that left %s (%i ms), it is %3$s", (_, leftTs, outcome) =>
    marbles(({ cold, flush }) => {
      const { client, events, ringing } = clientWithTimeline();
      events.push(inTimeline({ lifetime: 5_000 }, { originServerTs: 1_000 }));
      const stateKey = `_${alice}_P_m.call`;
      client.setState(roomId, { ...joins(alice), content: {}, stateKey, originServerTs: leftTs });
      happens(cold, "20s l", {
        l: () => expect([...ringing.rings$.value[0]!.outcomes]).toEqual([[alice, outcome]]),
      });
      flush();
    })(),
  );

  it(
    "stays joined for a target that has left and joined again after its end",
    marbles(({ cold, expectObservable }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      const puts = (leave: object | undefined, originServerTs: number) => {
        const event = joins(alice, 9e6, { originServerTs, stateKey: `_${alice}_P_m.call` });
        client.emit(client.setState(roomId, leave ? { ...event, content: leave } : event));
      };
      happens(cold, "          -a 2s j 8s l 8s k", {
        a: () => arrives(inTimeline({ lifetime: 5_000 })),
        j: () => puts(undefined, 2_000),
        l: () => puts({}, 10_000),
        k: () => puts(undefined, 18_000),
      });
      const outcome$ = ringing.rings$.pipe(map(([ring]) => ring?.outcomes.get(alice) ?? "none"));
      expectObservable(outcome$, "^ 30s !").toBe("nr 2s j", { n: "none", r: "ringing", j: "joined" });
    }),
  );

  it(
    "can have the reason of a decline of a user who is in the call, and none if there is none",
    marbles(({ cold, flush }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      client.setState(roomId, joins(alice, 9e6, { originServerTs: 0 }));
      const decline = (sender: string, eventId: string, reason: object): TimelineEvent => {
        const relation = { "m.relates_to": { rel_type: "m.reference", event_id: "$ring" } };
        return { ...inTimeline(), type: "m.rtc.decline", sender, eventId, content: { ...relation, ...reason } };
      };
      const reasons: unknown[] = [];
      ringing.rings$.subscribe(([ring]) => reasons.push(ring && [...ring.declineReasons]));
      happens(cold, "-a 9ms d 9ms e", {
        a: () => arrives(inTimeline({ "m.mentions": { user_ids: [alice, carl] } })),
        d: () => arrives(decline(alice, "$no", { "rx.matrixrtc.reason": "busy" })),
        e: () => arrives(decline(carl, "$no too", {})),
      });
      flush();
      expect(reasons.slice(0, 4)).toEqual([undefined, [], [[alice, "busy"]], [[alice, "busy"]]]);
    }),
  );

  it(
    "is missed for a target that came after its end",
    marbles(({ cold, flush }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      happens(cold, "- a 7s m", {
        a: () => arrives(inTimeline({ lifetime: 5_000 })),
        m: () => client.emit(client.setState(roomId, joins(alice, 9e6, { originServerTs: 7_000 }))),
      });
      ringing.rings$.subscribe();
      flush();
      expect([...ringing.rings$.value[0]!.outcomes]).toEqual([[alice, "no-answer"]]);
    }),
  );

  it(
    "is the same object as long as nothing about it changes",
    marbles(({ cold, flush }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      const seen = new Set<unknown>();
      const decline = (eventId: string, reason: string) =>
        inTimeline(
          {},
          {
            type: "m.rtc.decline",
            sender: alice,
            eventId,
            content: {
              "m.relates_to": { rel_type: "m.reference", event_id: "$ring" },
              "rx.matrixrtc.reason": reason,
            },
          },
        );
      const counts: number[] = [];
      ringing.rings$.subscribe((rings) => {
        for (const ring of rings) seen.add(ring);
        counts.push(seen.size);
      });
      happens(cold, "- a 9ms n 9ms d 9ms n 9ms e", {
        a: () => arrives(inTimeline({ lifetime: 5_000 })),
        n: () => client.emit({ kind: "room", roomId }),
        d: () => arrives(decline("$no", "driving")),
        e: () => arrives(decline("$no again", "busy")),
      });
      flush();
      // The ring, and its decline. The second decline of a user counts for nothing, and after its time nothing changes.
      expect(counts).toEqual([0, 1, 2]);
      expect([...ringing.rings$.value[0]!.declineReasons]).toEqual([[alice, "driving"]]);
    }),
  );
});

describe("An incoming call", () => {
  it(
    "has the ring that lasts longest, its end, and all callers, each once",
    marbles(({ cold, expectObservable }) => {
      const { arrives, ringing } = clientWithTimeline();
      const call$ = ringing.incoming$.pipe(
        map(([call]) => (call ? `${call.ring.eventId} until ${call.endTs} by ${call.callers.join(" ")}` : "none")),
      );
      happens(cold, "                    -(abc)", {
        a: () => arrives(inTimeline({ lifetime: 5_000 })),
        b: () => arrives(inTimeline({ lifetime: 6_000 }, { sender: carl, eventId: "$2" })),
        c: () => arrives(inTimeline({ lifetime: 7_000 }, { eventId: "$3", originServerTs: 1 })),
      });
      expectObservable(call$, "           ^ 9s !").toBe("n 100ms c 5898ms d 999ms n", {
        n: "none",
        c: `$3 until 7000 by ${bob} ${carl}`,
        d: `$3 until 7000 by ${bob}`,
      });
    }),
  );

  it(
    "is another one if its caller rings again",
    marbles(({ cold, expectObservable }) => {
      const { arrives, ringing } = clientWithTimeline();
      happens(cold, "         -a 999ms b", {
        a: () => arrives(inTimeline()),
        b: () => arrives(inTimeline({}, { eventId: "$2", originServerTs: 1 })),
      });
      const id$ = ringing.incoming$.pipe(map(([call]) => call?.ring.eventId ?? "none"));
      expectObservable(id$, "^ 5s !").toBe("n 100ms a 899ms b", { n: "none", a: "$ring", b: "$2" });
    }),
  );

  it(
    "is the same object as long as its ring and its callers are the same",
    marbles(({ cold, flush }) => {
      const { client, arrives, ringing } = clientWithTimeline();
      const seen: unknown[] = [];
      ringing.incoming$.subscribe(([call]) => seen.push(call));
      happens(cold, "a 999ms n 999ms b", {
        a: () => arrives(inTimeline()),
        n: () => client.emit({ kind: "room", roomId }),
        b: () => arrives(inTimeline({ "m.mentions": { user_ids: [bob] } }, { sender: carl, eventId: "$2" })),
      });
      flush();
      expect(seen.map((call) => call !== undefined)).toEqual([false, true, false]);
    }),
  );
});

describe("The rings of a room", () => {
  it("can be prepared before the client knows the room", () => {
    const ringing = watchRinging(new FakeClient(), { roomId, slot });
    expect(() => ringing.ringOnStart()).not.toThrow();
    expect(ringing.incoming$.value).toEqual([]);
  });

  it("can get one of ours before our client knows the room: the server decides", () => {
    let count = 0;
    const client = Object.assign(new FakeClient(), {
      send: () => {
        count += 1;
        return EMPTY;
      },
    });
    watchRinging(client, { roomId, slot }).ring().subscribe();
    expect(count).toBe(1);
  });

  it(
    "are followed from the moment at which the client knows the room",
    marbles(({ cold, expectObservable }) => {
      const client = new FakeClient();
      happens(cold, "                                                 1s a", {
        a: () => {
          const entered = client.enter(roomId, alice, bob);
          client.emit(entered, client.keep(roomId, sticky()));
        },
      });
      expectObservable(soundOf(watchRinging(client, { roomId, slot })), "^ 2s !").toBe("s 1099ms r", sounds);
    }),
  );

  it(
    "are followed while somebody is subscribed, and no longer",
    marbles(({ cold, flush }) => {
      const client = roomOfThree();
      const { incoming$, rings$ } = watchRinging(client, { roomId, slot });
      const counts: number[] = [];
      const following = [incoming$.subscribe(), rings$.subscribe()];
      counts.push(client.listeners);
      following[0]!.unsubscribe();
      counts.push(client.listeners);
      following[1]!.unsubscribe();
      counts.push(client.listeners);
      expect(counts).toEqual([1, 1, 0]);
      // Without a subscriber, the present value is read.
      happens(cold, "a", { a: () => client.keep(roomId, sticky()) });
      flush();
      expect(incoming$.value.map(({ ring }) => ring.sender)).toEqual([bob]);
    }),
  );
});

describe("The rings of a client with many rooms", () => {
  it(
    "are kept when the next ring of the same room comes",
    marbles(({ cold, expectObservable }) => {
      const client = roomOfThree();
      const callers$ = watchRingingEverywhere(client, slot).incoming$.pipe(
        map(([call]) => call?.callers.join(" ") ?? ""),
      );
      happens(cold, "           -a 999ms b", {
        a: () => client.emit(client.keep(roomId, sticky())),
        b: () => client.emit(client.keep(roomId, sticky({ lifetime: 5_000 }, { sender: carl, eventId: "$2" }))),
      });
      expectObservable(callers$, "^ 3s !").toBe("n 100ms b 899ms c", { n: "", b: bob, c: `${bob} ${carl}` });
    }),
  );

  it(
    "begin with the first ring in a room, in each kind of news, and concern that room alone",
    marbles(({ cold, expectObservable }) => {
      const { client, events, timeline$ } = clientWithTimeline();
      const rooms = ["!1:x.org", "!2:x.org", "!3:x.org"];
      for (const id of rooms) client.enter(id, alice, bob);
      const everywhere = watchRingingEverywhere(client, slot);
      happens(cold, "                  -a 999ms b 999ms c 999ms d", {
        a: () => client.emit(client.keep(rooms[0]!, sticky({}, { eventId: "$1" }))),
        b: () => timeline$.next([{ kind: "event", roomId: rooms[1]!, event: inTimeline({}, { eventId: "$2" }) }]),
        c: () => {
          events.push(inTimeline({}, { eventId: "$3" }));
          timeline$.next([{ kind: "gap", roomId: rooms[2]! }]);
        },
        d: () => client.emit({ kind: "sticky", roomId, event: sticky({}, { type: "m.other" }) }),
      });
      const count$ = everywhere.incoming$.pipe(
        map((calls) => calls.map((call) => rooms.indexOf(call.roomId) + 1).join("")),
      );
      expectObservable(count$, "        ^ 5s !").toBe("n 100ms a 999ms b 999ms c", {
        n: "",
        a: "1",
        b: "12",
        c: "123",
      });
    }),
  );

  it(
    "of rooms that have rings already are read at once, those of other rooms are not",
    marbles(({ expectObservable }) => {
      const client = roomOfThree();
      client.enter("!1:x.org", alice, bob);
      client.keep("!1:x.org", sticky());
      client.keep(roomId, sticky({}, { type: "m.other" }));
      const everywhere = watchRingingEverywhere(client, slot);
      expectObservable(
        everywhere.incoming$.pipe(map((calls) => calls.map((call) => call.roomId).join())),
        "^ 5s !",
      ).toBe("r", { r: "!1:x.org" });
    }),
  );
});
