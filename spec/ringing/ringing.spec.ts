// Ringing between devices of a virtual homeserver. A ring starts 100 ms after it was received. protocol.md 7.
import { BehaviorSubject, map, type Observable, type Subscription, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { isMissed, type Ringing, type RingOptions, watchRingingEverywhere } from "../../src/ringing/index.ts";
import { marbles } from "../support/marbles.ts";
import { declineTypes, ringTypes } from "../../src/room/ring-types.ts";
import { happens } from "../support/happens.ts";
import { alice, bob, carl, scene, slot, soundOf, sounds, wordsOf } from "./scene.ts";

/** The outcomes of the latest ring, like `bob ringing, carl joined`. */
const outcomesOf = ({ rings$ }: Ringing): Observable<string> =>
  rings$.pipe(
    map((rings) =>
      [...(rings.at(-1)?.outcomes ?? [])]
        .map(([userId, outcome]) => `${userId.slice(1, userId.indexOf(":"))} ${outcome}`)
        .join(", "),
    ),
  );

/** Joins for 15 s: without an end the restarts of the delayed leave would go on for ever. */
const joins = ({ session }: ReturnType<typeof scene>["a"]) =>
  session
    .join()
    .pipe(takeUntil(timer(15_000)))
    .subscribe();

const forms = ["notification", "invite"] as const;

describe.each(forms)("A ring in the form %s", (form) => {
  const toBob: RingOptions = { userIds: [bob], form, lifetimeMs: 10_000 };

  it(
    "rings on all devices of its target, and nowhere else, until its time is over",
    marbles(({ cold, expectObservable }) => {
      const { a, b, b2, c } = scene();
      happens(cold, "                                 a          ", { a: () => a.ringing().ring(toBob).subscribe() });
      expectObservable(soundOf(b.ringing()), "        ^ 20s !    ").toBe("s 99ms r 9899ms s", sounds);
      expectObservable(soundOf(b2.ringing()), "       ^ 20s !    ").toBe("s 99ms r 9899ms s", sounds);
      expectObservable(soundOf(c.ringing()), "        ^ 20s !    ").toBe("s", sounds);
      expectObservable(soundOf(a.ringing()), "        ^ 20s !    ").toBe("s", sounds);
    }),
  );

  it(
    "stops on all devices of a user when one of them declines, and the caller sees it",
    marbles(({ cold, expectObservable }) => {
      const { a, b, b2 } = scene();
      const declining = b.ringing();
      happens(cold, "                         a 999ms d  ", {
        a: () => a.ringing().ring(toBob).subscribe(),
        d: () => declining.decline(declining.incoming$.value[0]!).subscribe(),
      });
      expectObservable(soundOf(declining), "  ^ 20s ! ").toBe("s 99ms r 899ms s", sounds);
      expectObservable(soundOf(b2.ringing()), "^ 20s ! ").toBe("s 99ms r 899ms s", sounds);
      expectObservable(outcomesOf(a.ringing()), "^ 20s !").toBe("(nr) 996ms d", {
        n: "",
        r: "bob ringing",
        d: "bob declined",
      });
    }),
  );

  it(
    "stops on all devices of a user when one of them joins, and the caller sees it",
    marbles(({ cold, expectObservable }) => {
      const { a, b, b2 } = scene();
      happens(cold, "                           a 999ms j", {
        a: () => a.ringing().ring(toBob).subscribe(),
        j: () => joins(b),
      });
      expectObservable(soundOf(b2.ringing()), "  ^ 5s !   ").toBe("s 99ms r 899ms s", sounds);
      expectObservable(outcomesOf(a.ringing()), "^ 5s !   ").toBe("(nr) 996ms j", {
        n: "",
        r: "bob ringing",
        j: "bob joined",
      });
    }),
  );

  it(
    "that is ignored is a missed call, also after a reload",
    marbles(({ cold, flush }) => {
      const { a, b2 } = scene();
      happens(cold, "a", { a: () => a.ringing().ring(toBob).subscribe() });
      cold("15s e").subscribe(() => {
        const [ring] = b2.ringing().rings$.value;
        expect([...ring!.outcomes]).toEqual([[bob, "no-answer"]]);
        expect(isMissed(ring!, bob)).toBe(true);
      });
      flush();
    }),
  );

  it(
    "stops when its sender withdraws it, and stays withdrawn after its time",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = scene();
      const calling = a.ringing();
      happens(cold, "                         a 999ms w   ", {
        a: () => calling.ring(toBob).subscribe(),
        w: () => calling.withdraw().subscribe(),
      });
      expectObservable(soundOf(b.ringing()), "^ 20s !").toBe("s 99ms r 899ms s", sounds);
      expectObservable(outcomesOf(calling), " ^ 20s !").toBe("(nr) 996ms w", {
        n: "",
        r: "bob ringing",
        w: "bob withdrawn",
      });
    }),
  );

  it(
    "works on a server without sticky events, with its withdrawal",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = scene({ stickyEvents: false });
      const calling = a.ringing();
      happens(cold, "                         a 999ms w   ", {
        a: () => calling.ring(toBob).subscribe(),
        w: () => calling.withdraw().subscribe(),
      });
      expectObservable(soundOf(b.ringing()), "^ 20s !").toBe("s 99ms r 899ms s", sounds);
    }),
  );

  it(
    "is one event, sticky and encrypted in an encrypted room",
    marbles(({ cold, flush }) => {
      const { home, roomId, a } = scene({ encrypted: true });
      happens(cold, "a", { a: () => a.ringing().ring(toBob).subscribe() });
      flush();
      const sent = home.events(roomId).filter(({ stateKey }) => stateKey === undefined);
      expect(sent).toHaveLength(1);
      expect(sent[0]).toMatchObject({
        type: `org.matrix.msc4075.rtc.${form}`,
        content: { slot_id: slot, lifetime: 10_000, "m.mentions": { user_ids: [bob] }, msc4354_sticky_key: slot },
        sticky: { encryption: "decrypted", durationMs: 140_000 },
      });
    }),
  );
});

describe("A ring that was sent again and then redacted", () => {
  it(
    "stays silent, also after a reload",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b, b2 } = scene();
      const content = { slot_id: slot, sender_ts: 0, lifetime: 60_000, "m.mentions": { user_ids: [bob] } };
      const ring = () =>
        home.sendEvent(roomId, { type: "org.matrix.msc4075.rtc.notification", sender: alice, content });
      let last = "";
      happens(cold, "                          a 999ms b 999ms c", {
        a: () => ring(),
        b: () => (last = ring()),
        c: () => home.redact(roomId, last),
      });
      expectObservable(soundOf(b.ringing()), "  ^ 9s !").toBe("s 99ms r 1899ms s", sounds);
      expectObservable(soundOf(b2.ringing()), " 5s ^ 9s !").toBe("5s s", sounds);
    }),
  );
});

describe.each(ringTypes.flatMap((ringType) => declineTypes.map((declineType) => [ringType, declineType] as const)))(
  "A ring of type %s that is declined with type %s",
  (ringType, declineType) => {
    it(
      "rings on both devices of its target until then",
      marbles(({ cold, expectObservable }) => {
        const { home, roomId, a, b, b2 } = scene();
        const toBob = { "m.mentions": { user_ids: [bob] } };
        const content = ringType.includes("call.notify")
          ? { application: "m.call", call_id: "", notify_type: "ring", ...toBob }
          : { slot_id: ringType.startsWith("m.") ? "m.call#room" : slot, sender_ts: 0, lifetime: 10_000, ...toBob };
        let ringId = "";
        happens(cold, "                           a 999ms d  ", {
          a: () => (ringId = home.sendEvent(roomId, { type: ringType, sender: alice, content })),
          d: () => {
            const relation = { rel_type: "m.reference", event_id: ringId };
            home.sendEvent(roomId, { type: declineType, sender: bob, content: { "m.relates_to": relation } });
          },
        });
        expectObservable(soundOf(b.ringing()), "   ^ 20s ! ").toBe("s 99ms r 899ms s", sounds);
        expectObservable(soundOf(b2.ringing()), "  ^ 20s ! ").toBe("s 99ms r 899ms s", sounds);
        expectObservable(outcomesOf(a.ringing()), "^ 20s ! ").toBe("(nr) 996ms d", {
          n: "",
          r: "bob ringing",
          d: "bob declined",
        });
      }),
    );
  },
);

describe("A ring", () => {
  it(
    "for one more person does not silence those for whom it still rings",
    marbles(({ cold, expectObservable }) => {
      const { a, b, c } = scene();
      const calling = a.ringing();
      happens(cold, "                         a 999ms c  ", {
        a: () => calling.ring({ userIds: [bob], lifetimeMs: 5_000 }).subscribe(),
        c: () => calling.ring({ userIds: [carl], lifetimeMs: 5_000 }).subscribe(),
      });
      expectObservable(soundOf(b.ringing()), "^ 9s !").toBe("s 99ms r 5899ms s", sounds);
      expectObservable(soundOf(c.ringing()), "^ 9s !").toBe("s 1099ms r 4899ms s", sounds);
      expectObservable(outcomesOf(calling), " ^ 3s !").toBe("(nr) 996ms t", {
        n: "",
        r: "bob ringing",
        t: "carl ringing, bob ringing",
      });
    }),
  );

  it(
    "for the room reaches everybody in it but bots, and needs the power to notify the room",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b, c } = scene();
      home.setState(roomId, {
        type: "io.element.functional_members",
        sender: alice,
        stateKey: "",
        content: { service_members: [carl] },
      });
      happens(cold, "                         a", { a: () => a.ringing().ring({ lifetimeMs: 5_000 }).subscribe() });
      expectObservable(soundOf(b.ringing()), "^ 9s !").toBe("s 99ms r 4899ms s", sounds);
      expectObservable(outcomesOf(a.ringing()), "^ 3s !").toBe("(nr)", { n: "", r: "bob ringing" });
      const refused = c.ringing();
      happens(cold, "6s c", { c: () => refused.ring({ lifetimeMs: 5_000 }).subscribe() });
      expectObservable(soundOf(a.ringing()), "^ 9s !").toBe("s", sounds);
    }),
  );

  it(
    "for the room does not ring on the device of a bot, unless it names the bot",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, c } = scene();
      const content = { service_members: [carl] };
      home.setState(roomId, { type: "io.element.functional_members", sender: alice, stateKey: "", content });
      happens(cold, "                         a      4s b", {
        a: () => a.ringing().ring({ lifetimeMs: 2_000 }).subscribe(),
        b: () =>
          a
            .ringing()
            .ring({ userIds: [carl], lifetimeMs: 2_000 })
            .subscribe(),
      });
      expectObservable(soundOf(c.ringing()), "^ 9s !").toBe("s 4100ms r 1899ms s", sounds);
    }),
  );

  it(
    "that is replaced by a ring for another person counts as withdrawn, and the first person has missed it",
    marbles(({ cold, flush }) => {
      const { home, roomId, b2 } = scene();
      const ring = (userId: string) =>
        home.sendEvent(roomId, {
          type: "org.matrix.msc4075.rtc.invite",
          sender: alice,
          content: { slot_id: slot, sender_ts: 0, lifetime: 5_000, "m.mentions": { user_ids: [userId] } },
        });
      happens(cold, "a 999ms b 999ms c", { a: () => ring(bob), b: () => ring(carl), c: () => ring(bob) });
      cold("15s e").subscribe(() => {
        const rings = b2.ringing().rings$.value;
        expect(rings.map(({ outcomes }) => [...outcomes])).toEqual([
          [[bob, "superseded"]],
          [[carl, "withdrawn"]],
          [[bob, "no-answer"]],
        ]);
        expect([isMissed(rings[0]!, bob), isMissed(rings[1]!, carl)]).toEqual([false, true]);
      });
      flush();
    }),
  );

  it(
    "of several callers rings until the last of them ends, as one call",
    marbles(({ cold, expectObservable }) => {
      const { a, b, c } = scene();
      happens(cold, "                         a 999ms c  ", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob], lifetimeMs: 9_000 })
            .subscribe(),
        c: () =>
          c
            .ringing()
            .ring({ userIds: [bob], lifetimeMs: 2_000 })
            .subscribe(),
      });
      expectObservable(soundOf(b.ringing()), "^ 12s !").toBe("s 99ms r 8899ms s", sounds);
      const callers$ = b.ringing().incoming$.pipe(map(([call]) => call?.callers.length ?? 0));
      expectObservable(callers$, "             ^ 12s !").toBe("n 99ms o 899ms t 1999ms o 5999ms n", {
        n: 0,
        o: 1,
        t: 2,
      });
    }),
  );

  it(
    "that a client sends in two forms is one call, and one decline ends both",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b } = scene();
      const bobs = b.ringing();
      const mentions = { "m.mentions": { user_ids: [bob] } };
      const old = { application: "m.call", call_id: "", notify_type: "ring", ...mentions };
      const content = { slot_id: slot, sender_ts: 0, lifetime: 90_000, notification_type: "ring", ...mentions };
      happens(cold, "                         (ab)     d", {
        a: () => home.sendEvent(roomId, { type: "org.matrix.msc4075.call.notify", sender: alice, content: old }),
        b: () => home.sendEvent(roomId, { type: "org.matrix.msc4075.rtc.notification", sender: alice, content }),
        d: () => cold("1s d").subscribe(() => bobs.decline(bobs.incoming$.value[0]!).subscribe()),
      });
      expectObservable(soundOf(bobs), "        ^ 9s !").toBe("s 99ms r 903ms s", sounds);
    }),
  );

  it(
    "does not come back after its target has joined and left",
    marbles(({ cold, expectObservable }) => {
      const { a, b, b2 } = scene();
      happens(cold, "                          a 999ms j ", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob], lifetimeMs: 60_000 })
            .subscribe(),
        j: () =>
          b.session
            .join()
            .pipe(takeUntil(timer(2_000)))
            .subscribe(),
      });
      expectObservable(soundOf(b2.ringing()), " ^ 30s !").toBe("s 99ms r 899ms s", sounds);
      expectObservable(outcomesOf(a.ringing()), "^ 30s !").toBe("(nr) 996ms j", {
        n: "",
        r: "bob ringing",
        j: "bob joined",
      });
    }),
  );

  it(
    "that was missed or declined stays so if its target joins and leaves the call later",
    marbles(({ cold, flush }) => {
      const { a, b, b2, c } = scene();
      const [calling, carls] = [a.ringing(), c.ringing()];
      const outcomes = ({ rings$ }: Ringing) => [...rings$.value[0]!.outcomes.values()];
      happens(cold, "a 999ms d 28s (jk)", {
        a: () => calling.ring({ userIds: [bob, carl], lifetimeMs: 10_000 }).subscribe(),
        d: () => carls.decline(carls.incoming$.value[0]!).subscribe(),
        j: () => joins(b),
        k: () => joins(c),
      });
      const listening = [calling, carls].map(({ rings$ }) => rings$.subscribe());
      cold("60s e").subscribe(() => {
        expect(outcomes(calling)).toEqual(["no-answer", "declined"]);
        // After a reload: when Bob had entered is not known any more.
        expect(outcomes(b2.ringing())).toEqual(["joined", "declined"]);
        for (const one of listening) one.unsubscribe();
      });
      flush();
    }),
  );

  it(
    "of somebody who leaves the room ends",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b, c } = scene();
      happens(cold, "                         a 999ms l  ", {
        a: () =>
          c
            .ringing()
            .ring({ userIds: [bob] })
            .subscribe(),
        l: () => home.leaveRoom(roomId, carl),
      });
      expectObservable(soundOf(b.ringing()), "^ 9s !").toBe("s 99ms r 899ms s", sounds);
    }),
  );

  it(
    "ends when the slot closes, comes back when it opens, and ends when it is redacted",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b } = scene();
      const setSlot = (status: string) =>
        home.setState(roomId, {
          type: "org.matrix.msc4143.rtc.slot",
          sender: alice,
          stateKey: slot,
          content: { status, application: { type: "m.call" } },
        });
      happens(cold, "                         a 999ms c 999ms o 999ms r", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob] })
            .subscribe(),
        c: () => setSlot("closed"),
        o: () => setSlot("open"),
        r: () => home.redact(roomId, home.events(roomId).find(({ type }) => type.endsWith("notification"))!.eventId),
      });
      expectObservable(soundOf(b.ringing()), "^ 9s !").toBe("s 99ms r 899ms s 999ms r 999ms s", sounds);
    }),
  );

  it(
    "does not start if the client learns in the same sync that the caller has left: a gap",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, b2 } = scene();
      const joining$ = a.session.join().pipe(a.ringing().ringOnStart({ userIds: [bob] }));
      const setConnection = (connection: "offline" | "online") =>
        home.adjust({ userId: bob, deviceId: "B" }, { connection });
      let joined: Subscription | undefined;
      happens(cold, "                           oa 1998ms l 1999ms n", {
        o: () => setConnection("offline"),
        a: () => (joined = joining$.subscribe()),
        l: () => joined?.unsubscribe(),
        n: () => setConnection("online"),
      });
      expectObservable(soundOf(b.ringing()), "^ 20s !").toBe("s", sounds);
      expectObservable(soundOf(b2.ringing()), "^ 20s !").toBe("s 100ms r 1898ms s", sounds);
    }),
  );

  it(
    "gives the reason in the trace when it is refused",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b, c } = scene();
      const bobs = b.ringing();
      const malformed = { type: "org.matrix.msc4075.rtc.invite", sender: alice, content: { slot_id: slot } };
      happens(cold, "                                       a  9ms b 9ms c", {
        a: () =>
          c
            .ringing()
            .ring({ userIds: [alice] })
            .subscribe(),
        b: () => home.sendEvent(roomId, malformed),
        c: () =>
          a
            .ringing()
            .ring({ userIds: [carl] })
            .subscribe(),
      });
      bobs.incoming$.subscribe();
      expectObservable(bobs.trace$.pipe(map(wordsOf)), "^ 1s !").toBe("(nx) 6ms m 9ms (oy)", {
        n: "ring-refused not-mentioned",
        x: "a ringing",
        m: "ring-refused malformed",
        o: "ring-refused not-mentioned",
        y: "c ringing",
      });
    }),
  );
});

describe("Ringing as part of joining", () => {
  const join = (device: ReturnType<typeof scene>["a"], options: RingOptions = {}) =>
    device.session.join().pipe(device.ringing().ringOnStart(options));

  it(
    "rings once our membership is in the room, and is taken back if we leave before anybody picked up",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = scene();
      happens(cold, "                                  a", {
        a: () =>
          join(a)
            .pipe(takeUntil(timer(2_000)))
            .subscribe(),
      });
      expectObservable(soundOf(b.ringing()), "             ^ 9s !").toBe("s 99ms r 1899ms s", sounds);
      expectObservable(outcomesOf(a.ringing()), "          ^ 9s !").toBe("(nr) 1996ms w", {
        n: "",
        r: "bob ringing, carl ringing",
        w: "bob withdrawn, carl withdrawn",
      });
    }),
  );

  it(
    "rings nobody if somebody is in the call already",
    marbles(({ cold, expectObservable }) => {
      const { a, b, c } = scene();
      happens(cold, "                        c 499ms a", {
        c: () => joins(c),
        a: () =>
          join(a)
            .pipe(takeUntil(timer(15_000)))
            .subscribe(),
      });
      expectObservable(soundOf(b.ringing()), "^ 2s !").toBe("s", sounds);
    }),
  );

  it(
    "keeps ringing for the others once somebody has picked up, also after we left",
    marbles(({ cold, expectObservable }) => {
      const { a, b, c } = scene();
      happens(cold, "                                  a", {
        a: () =>
          join(a)
            .pipe(takeUntil(timer(2_000)))
            .subscribe(),
      });
      happens(cold, "                        1s b", { b: () => joins(b) });
      expectObservable(soundOf(c.ringing()), "^ 9s !").toBe("s 99ms r", sounds);
    }),
  );
});

describe("While a user is busy", () => {
  it(
    "a call waits, and rings once the user is free",
    marbles(({ cold, expectObservable }) => {
      const { a, b } = scene();
      const busy$ = new BehaviorSubject(true);
      happens(cold, "                                   a 1999ms f", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob], lifetimeMs: 5_000 })
            .subscribe(),
        f: () => busy$.next(false),
      });
      expectObservable(soundOf(b.ringing({ busy$ })), "^ 9s !").toBe("s 99ms w 1899ms r 2999ms s", sounds);
    }),
  );

  it(
    "a call is declined with the reason busy, if that is wanted",
    marbles(({ cold, expectObservable, flush }) => {
      const { a, b, b2 } = scene();
      const calling = a.ringing();
      const busy = { busy$: new BehaviorSubject(true), whenBusy: "decline" } as const;
      happens(cold, "                               a", {
        a: () => calling.ring({ userIds: [bob], lifetimeMs: 5_000 }).subscribe(),
      });
      expectObservable(soundOf(b.ringing(busy)), "^ 9s !").toBe("s", sounds);
      expectObservable(soundOf(b2.ringing()), "   ^ 9s !").toBe("s 99ms (rs)", sounds);
      flush();
      expect([...calling.rings$.value[0]!.declineReasons]).toEqual([[bob, "busy"]]);
    }),
  );
});

describe("The incoming calls of all rooms", () => {
  it(
    "are those of each room, and rooms without rings cost nothing",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b } = scene();
      const others = Array.from({ length: 20 }, () => home.createRoom({ members: [alice, bob] }));
      const everywhere = watchRingingEverywhere(b.matrix, slot);
      happens(cold, "a 999ms d", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob] })
            .subscribe(),
        d: () => everywhere.room(others[3]!),
      });
      const count$ = everywhere.incoming$.pipe(map(({ length }) => length));
      expectObservable(count$, "^ 2s !").toBe("n 99ms o", { n: 0, o: 1 });
    }),
  );

  it(
    "are declined without a look at their room",
    marbles(({ cold, expectObservable }) => {
      const { a, b, b2 } = scene();
      const everywhere = watchRingingEverywhere(b.matrix, slot);
      happens(cold, "                         a 999ms d", {
        a: () =>
          a
            .ringing()
            .ring({ userIds: [bob] })
            .subscribe(),
        d: () => everywhere.decline(everywhere.incoming$.value[0]!).subscribe(),
      });
      expectObservable(soundOf(everywhere), "  ^ 2s !").toBe("s 99ms r 899ms s", sounds);
      expectObservable(soundOf(b2.ringing()), "^ 2s !").toBe("s 99ms r 899ms s", sounds);
    }),
  );
});

describe("Arguments", () => {
  it.each<[string, RingOptions]>([
    ["lifetimeMs must be a whole number from 1,000 to 120,000", { lifetimeMs: 120_001 }],
    ["a ring needs a target: userIds or room", { userIds: [] }],
    ["form call-notify is not known", { form: "call-notify" as never }],
    ["generation old is not known", { generation: "old" as never }],
  ])("are checked at once: %s", (message, options) => {
    const { a } = scene();
    expect(() => a.ringing().ring(options)).toThrow(message);
  });
});
