// The streams of ringing: what they emit and when, for one room and for all rooms of a client. protocol.md 7.3, 7.4.
import { BehaviorSubject, distinctUntilChanged, map, type Observable, tap, throwError, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/index.ts";
import {
  isMissed,
  type RingingOptions,
  type RingState,
  watchRinging,
  watchRingingEverywhere,
} from "../../src/ringing/index.ts";
import { happens } from "../support/happens.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, carl, scene, slot, soundOf, sounds, wordsOf } from "./scene.ts";

const type = "org.matrix.msc4075.rtc.notification";
const toBob = { slot_id: slot, sender_ts: 0, lifetime: 5_000, "m.mentions": { user_ids: [bob] } };

const outcomeOf = ({ outcomes }: RingState): string =>
  [...outcomes].map(([userId, outcome]) => `${userId.slice(1, 2)} ${outcome}`).join(", ");

describe("Options of ringing are refused at once:", () => {
  it.each<[string, Partial<RingingOptions>]>([
    ["slot must be an application type", { slot: "m.call" }],
    ["slot must be an application type", { slot: "m.call#" }],
    ["slot must be an application type", { slot: undefined as never }],
    ["whenBusy must be wait or decline", { whenBusy: "hang up" as never }],
    ["whenBusy: decline needs busy$", { whenBusy: "decline" }],
  ])("%s (%j)", (message, options) => expect(() => scene().a.ringing(options)).toThrow(message));
});

describe("The stream of a ring that is sent", () => {
  it(
    "emits each outcome, and completes when it rings for nobody any more",
    marbles(({ cold, expectObservable }) => {
      const { a, b, c } = scene();
      const ring$ = a.ringing().ring({ userIds: [bob, carl], lifetimeMs: 5_000 });
      const [bobs, carls] = [b.ringing(), c.ringing()];
      happens(cold, "                                     1s b 999ms c", {
        b: () => bobs.decline(bobs.incoming$.value[0]!).subscribe(),
        c: () => carls.decline(carls.incoming$.value[0]!).subscribe(),
      });
      expectObservable(ring$.pipe(map(outcomeOf))).toBe("r 999ms b 999ms (c|)", {
        r: "b ringing, c ringing",
        b: "b declined, c ringing",
        c: "b declined, c declined",
      });
    }),
  );

  it(
    "does not emit when something else happens in the room, for instance another ring",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a } = scene();
      home.sendEvent(roomId, { type, sender: carl, content: { ...toBob, "m.mentions": { user_ids: [alice] } } });
      const ring$ = a.ringing().ring({ userIds: [bob], lifetimeMs: 5_000 });
      happens(cold, "                                     1s o", {
        o: () => home.sendEvent(roomId, { type, sender: carl, content: toBob }),
      });
      expectObservable(ring$.pipe(map(outcomeOf))).toBe("r 4999ms (n|)", { r: "b ringing", n: "b no-answer" });
    }),
  );

  it(
    "for the room does not name the targets of the ring before, which it reaches anyway",
    marbles(({ cold, flush }) => {
      const { home, roomId, a } = scene();
      const calling = a.ringing();
      happens(cold, "a 9ms b", {
        a: () => calling.ring({ userIds: [bob] }).subscribe(),
        b: () => calling.ring().subscribe(),
      });
      flush();
      const mentions = home
        .events(roomId)
        .flatMap(({ type: its, content }) => (its === type ? [(content as typeof toBob)["m.mentions"]] : []));
      expect(mentions).toEqual([{ user_ids: [bob] }, { user_ids: [], room: true }]);
    }),
  );

  it(
    "does not take over targets that have declined",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = scene();
      const [calling, bobs] = [a.ringing(), b.ringing()];
      happens(cold, "                                     a 999ms d 999ms c", {
        a: () => calling.ring({ userIds: [bob, carl] }).subscribe(),
        d: () => bobs.decline(bobs.incoming$.value[0]!).subscribe(),
        c: () => calling.ring({ userIds: ["@dan:example.org"] }).subscribe(),
      });
      const last$ = calling.rings$.pipe(map((rings) => (rings.at(-1) ? outcomeOf(rings.at(-1)!) : "")));
      expectObservable(last$, "                              ^ 3s !").toBe("(nr) 996ms d 999ms c", {
        n: "",
        r: "b ringing, c ringing",
        d: "b declined, c ringing",
        c: "d ringing, c ringing",
      });
    }),
  );
});

describe("A ring for the room", () => {
  it(
    "has the persons who are in the room as targets: nobody who has left, and somebody who comes while it rings",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a } = scene();
      home.leaveRoom(roomId, carl);
      const dan = "@dan:example.org";
      happens(cold, "                                    1s d", {
        d: () =>
          home.setState(roomId, {
            type: "m.room.member",
            sender: dan,
            stateKey: dan,
            content: { membership: "join" },
          }),
      });
      const ring$ = a.ringing().ring({ lifetimeMs: 5_000 }).pipe(map(outcomeOf));
      expectObservable(ring$, "                           ^ 2s !").toBe("r 999ms d", {
        r: "b ringing",
        d: "b ringing, d ringing",
      });
    }),
  );
});

describe("A room without a slot event", () => {
  it(
    "rings unless strictSlots is set, and then it rings once its slot opens",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b } = scene();
      happens(cold, "                                                    a 999ms o", {
        a: () => home.sendEvent(roomId, { type, sender: alice, content: toBob }),
        o: () =>
          home.setState(roomId, {
            type: "org.matrix.msc4143.rtc.slot",
            sender: alice,
            stateKey: slot,
            content: { status: "open", application: { type: "m.call" } },
          }),
      });
      expectObservable(soundOf(b.ringing()), "                     ^ 9s !").toBe("s 99ms r 4899ms s", sounds);
      expectObservable(soundOf(b.ringing({ strictSlots: true })), "^ 9s !").toBe("s 999ms r 3999ms s", sounds);
    }),
  );
});

describe("A user has missed a ring", () => {
  it.each([
    ["no-answer", true],
    ["withdrawn", true],
    ["ringing", false],
    ["joined", false],
    ["declined", false],
    ["superseded", false],
  ] as const)("if the outcome is %s: %s", (outcome, expected) =>
    expect(isMissed({ outcomes: new Map([[bob, outcome]]) }, bob)).toBe(expected),
  );

  it("only if it was for the user", () =>
    expect(isMissed({ outcomes: new Map([[carl, "no-answer"]]) }, bob)).toBe(false));
});

describe("While a user is busy", () => {
  const decline = { whenBusy: "decline" } as const;

  it(
    "a call that waits is the same object until it changes",
    marbles(({ cold, flush }) => {
      const { home, roomId, b } = scene();
      const seen: unknown[] = [];
      b.ringing({ busy$: new BehaviorSubject(true) }).incoming$.subscribe((calls) => seen.push(...calls));
      happens(cold, "a 999ms b", {
        a: () => home.sendEvent(roomId, { type, sender: alice, content: toBob }),
        b: () =>
          home.sendEvent(roomId, { type, sender: carl, content: { ...toBob, "m.mentions": { user_ids: [alice] } } }),
      });
      flush();
      expect(seen).toHaveLength(1);
    }),
  );

  it(
    "each call is declined once, also if the server refuses, and those before are declined when the user gets busy",
    marbles(({ cold, flush }) => {
      const { home, roomId, b } = scene();
      let declines = 0;
      const send = () => {
        declines += 1;
        return throwError(() => new MatrixError("network", "offline"));
      };
      const busy$ = new BehaviorSubject(false);
      const ringing = watchRinging({ ...b.matrix, send }, { roomId, slot, busy$, ...decline });
      const seen: string[] = [];
      soundOf(ringing).subscribe((sound) => seen.push(sound));
      const counts: number[] = [];
      const count = () => counts.push(declines);
      happens(cold, "a 999ms c 999ms b 999ms d 999ms f", {
        a: () => home.sendEvent(roomId, { type, sender: alice, content: toBob }),
        c: () => count(),
        b: () => busy$.next(true),
        d: () => count(),
        f: () => home.sendEvent(roomId, { type, sender: carl, content: { ...toBob, lifetime: 9_000 } }),
      });
      cold("6s e").subscribe(count);
      flush();
      expect(counts).toEqual([0, 1, 2]);
      expect(seen).toEqual(["silent", "ringing", "silent"]);
    }),
  );

  it(
    "nothing is declined while nobody listens",
    marbles(({ cold, flush }) => {
      const { home, roomId, a, b } = scene();
      const ringing = b.ringing({ busy$: new BehaviorSubject(true), ...decline });
      ringing.incoming$.subscribe().unsubscribe();
      happens(cold, "a 999ms r", {
        a: () => home.sendEvent(roomId, { type, sender: alice, content: toBob }),
        r: () => expect(ringing.incoming$.value).toEqual([]),
      });
      flush();
      expect(a.ringing().rings$.value.map(outcomeOf)).toEqual(["b ringing"]);
    }),
  );
});

describe("A ring on start that the server refuses", () => {
  it(
    "is in the trace, with its cause, and the join goes on",
    marbles(({ expectObservable, flush }) => {
      const { roomId, a } = scene();
      const cause = new MatrixError("forbidden", "no power");
      const ringing = watchRinging({ ...a.matrix, send: () => throwError(() => cause) }, { roomId, slot });
      const failures: unknown[] = [];
      ringing.trace$.subscribe((entry) => entry.kind === "ring-failed" && failures.push(entry));
      const join$ = a.session.join({ leaveOn: timer(1_000) }).pipe(ringing.ringOnStart({ userIds: [bob] }));
      const status$ = join$.pipe(
        map(({ status }) => status),
        distinctUntilChanged(),
      );
      expectObservable(status$).toBe("(jd) 996ms (l|)", { j: "joining", d: "joined", l: "leaving" });
      flush();
      expect(failures).toMatchObject([{ kind: "ring-failed", roomId, cause: { code: "forbidden", cause } }]);
    }),
  );
});

describe("The rings of all rooms", () => {
  const everywhereOf = (home: ReturnType<typeof scene>["home"], b: ReturnType<typeof scene>["b"]) => {
    const others = [1, 2].map(() => home.createRoom({ members: [alice, bob] }));
    return { others, everywhere: watchRingingEverywhere(b.matrix, slot) };
  };
  const roomsOf = (ringing: ReturnType<typeof watchRingingEverywhere>, ids: readonly string[]): Observable<string> =>
    ringing.incoming$.pipe(map((calls) => calls.map(({ roomId }) => ids.indexOf(roomId)).join(" ")));

  it.each([true, false])(
    "are found in rooms that nobody has looked at, and each ends by itself (sticky events: %s)",
    (stickyEvents) =>
      marbles(({ cold, expectObservable }) => {
        const { home, b } = scene({ stickyEvents });
        const { others, everywhere } = everywhereOf(home, b);
        const ring = (roomId: string, lifetime: number) => {
          const event = { type, sender: alice, content: { ...toBob, sender_ts: 1_000, lifetime } };
          if (stickyEvents) home.sendSticky(roomId, event);
          else home.sendEvent(roomId, event);
        };
        happens(cold, "                                      1s (ab)", {
          a: () => ring(others[0]!, 5_000),
          b: () => ring(others[1]!, 3_000),
        });
        expectObservable(roomsOf(everywhere, others), "^ 9s !").toBe("n 1099ms b 2899ms a 1999ms n", {
          n: "",
          a: "0",
          b: "0 1",
        });
      })(),
  );

  it(
    "are known to a look without a subscriber, and to a later subscriber, who gets no old reasons",
    marbles(({ cold, flush }) => {
      const { home, b } = scene();
      const { others, everywhere } = everywhereOf(home, b);
      const trace: string[] = [];
      everywhere.trace$.pipe(map(wordsOf)).subscribe((words) => trace.push(words));
      happens(cold, "a 999ms l", {
        a: () => home.sendEvent(others[1]!, { type, sender: alice, content: toBob }),
        l: () => {
          b.matrix.timeline!(others[1]!);
          expect(everywhere.incoming$.value.map(({ roomId }) => roomId)).toEqual([others[1]]);
          expect(trace).toEqual([]);
          everywhere.incoming$.subscribe().unsubscribe();
          expect(trace).toEqual(["ring-started", "b ringing"]);
        },
      });
      flush();
    }),
  );

  it(
    "follow the options in the rings of one room, too",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b } = scene();
      const busy$ = new BehaviorSubject(true);
      const everywhere = watchRingingEverywhere(b.matrix, slot, { busy$ });
      happens(cold, "                                              a", {
        a: () => home.sendEvent(roomId, { type, sender: alice, content: toBob }),
      });
      expectObservable(soundOf(everywhere), "              ^ 9s !").toBe("s 99ms w 4899ms s", sounds);
      expectObservable(soundOf(everywhere.room(roomId)), " ^ 9s !").toBe("s 99ms w 4899ms s", sounds);
    }),
  );
});

describe("The trace of ringing", () => {
  it(
    "says when a ring begins, why it ends, and why another one is refused, each once and with its time",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b } = scene();
      const bobs = b.ringing();
      bobs.incoming$.subscribe();
      happens(cold, "                                         a 999ms m 999ms w", {
        a: () => home.sendEvent(roomId, { type, sender: alice, content: toBob }),
        m: () => home.sendEvent(roomId, { type, sender: carl, content: { slot_id: slot, sender_ts: 0 } }),
        w: () =>
          home.redact(
            roomId,
            home.events(roomId).find(({ sender, type: its }) => its === type && sender === alice)!.eventId,
          ),
      });
      const words$ = bobs.trace$.pipe(
        tap(({ ts }) => expect(ts).toBeLessThan(9_000)),
        map((entry) => `${entry.ts} ${wordsOf(entry)}${"path" in entry ? ` at ${entry.path}` : ""}`),
      );
      expectObservable(words$, "                               ^ 9s !").toBe("o 99ms s 899ms m 999ms (wx)", {
        o: "0 b ringing",
        s: "100 ring-started",
        m: "1000 ring-refused malformed at lifetime",
        w: "2000 ring-ended redacted",
        x: "2000 b withdrawn",
      });
    }),
  );
});
