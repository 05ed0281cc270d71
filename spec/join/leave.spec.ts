import { concat, ignoreElements, map, merge, of, switchMap, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { objectOr } from "../../src/room/json.ts";
import { memberNames } from "../../src/testing/index.ts";
import {
  alice,
  bob,
  callOf,
  carl,
  inWords,
  marbles,
  memberType,
  scene,
  smooth,
  stickyType,
  toTheEnd,
} from "./scene.ts";

const seen = { n: "", a: "alice" };
const modes = ["legacy", "compatibility", "matrix_2_0"] as const;

describe("A leave", () => {
  it.each([
    ["before the first request", of(0), "    ", "       (l|)"],
    ["while the capability is asked for", timer(1), "C", "         a(l|)"],
    ["while the delayed leave is scheduled", timer(3), "C-D-X", "a-dl--|"],
    ["while the join is sent", timer(5), "   C-D-W-S", "   a-d-wl--|"],
    ["while the first restart is sent", timer(7), " C-D-W-RS", "  a-d-w-jl-|"],
  ])("is possible %s", (_, leaveOn, requests, states) =>
    marbles(({ expectObservable }) => {
      const { requests$, join } = scene();
      expectObservable(requests$, "                  ^ 1m !").toBe(requests.trim());
      expectObservable(inWords(join({ leaveOn })), " ^ 1m !").toBe(states, smooth);
    })(),
  );

  it("is shown in the state before its first request", () => {
    const steps: string[] = [];
    toTheEnd(() => {
      const { requests$, join } = scene();
      merge(requests$, inWords(join({ leaveOn: timer(1_000) }))).subscribe((step) => steps.push(step));
    });
    expect(steps.slice(-2)).toEqual(["leaving", "S"]);
  });

  it(
    "is confirmed by the room if the answer is lost",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      const leaveOn = cold("                         1s        x");
      home.injectFault({ request: "send-delayed" }, { lose: "response" });
      expectObservable(requests$, "                 ^ 9s !").toBe("C-D-W-R 993ms S");
      expectObservable(inWords(join({ leaveOn })), "^ 9s !").toBe("a-d-w-j 993ms l-|", smooth);
    }),
  );

  it(
    "fails with leave-timeout, is retried for half a minute, and leaves the delayed leave behind it",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene();
      cold("1s  x").subscribe(() => home.stop());
      cold("40s x").subscribe(() => home.start());
      const state$ = inWords(join({ leaveOn: cold("2s x"), timing: { leaveTimeoutMs: 5_000 } }));
      expectObservable(requests$, "^ 1m !").toBe(`C-D-W-R 1993ms S 3001ms ${"L 3001ms ".repeat(8)} L`);
      expectObservable(state$, "   ^ 1m !").toBe("a-d-w-j 1993ms l 4999ms #", smooth, "leave-timeout");
      expectObservable(seen$, "    ^ 1m !").toBe("n-----a 39994ms n", seen);
    }),
  );

  it(
    "is sent after the first of two writes was refused: the second may have arrived",
    marbles(({ cold, expectObservable }) => {
      const { home, join, seen$ } = scene({ latencyMs: 900 });
      // The first write is refused late, while the second is under way. The answer to that is lost.
      home.injectFault({ request: "send" }, { fail: new MatrixError("forbidden", "no"), lateMs: 9_000 });
      home.injectFault({ request: "send" }, { lose: "response" });
      const state$ = join({ leaveOn: cold("14s x") });
      expectObservable(state$.pipe(ignoreElements()), "^ 60s !").toBe("17800ms |");
      expectObservable(seen$, "                        ^ 60s !").toBe("n 14500ms a 2399ms n", seen);
    }),
  );

  it.each(["compatibility", "matrix_2_0"] as const)(
    "is sent for an update that was under way when the room showed us gone, in %s mode",
    (mode) => {
      const names: string[] = [];
      toTheEnd(() => {
        const { home, join, seen$ } = scene({ latencyMs: 4_000, members: [bob, alice] });
        const watching = seen$.subscribe((present) => names.push(present));
        const intent = timer(0, 40_000).pipe(map(String));
        join({ mode, intent, leaveOn: timer(42_000) }).subscribe({ error: () => {} });
        // Another client of the user sends the same leave as the server would. It arrives while the update is on its way.
        timer(37_000).subscribe(() => {
          for (const { event } of home.delayed()) home.client(alice, "LAPTOP").send(event).subscribe();
        });
        timer(300_000).subscribe(() => watching.unsubscribe());
      });
      expect(names).toEqual(["", "alice", "", "alice", ""]);
    },
  );

  it("shows its reason in matrix_2_0 mode", () => {
    const contents: unknown[] = [];
    toTheEnd(() => {
      const { join, sent } = scene();
      const leaveReason = { code: "leave", reason: "lunch" };
      join({ mode: "matrix_2_0", leaveReason, leaveOn: timer(1_000) }).subscribe({
        complete: () => contents.push(...sent(stickyType).slice(1)),
      });
    });
    expect(contents).toMatchObject([
      { member: { membership: "leave" }, leave_reason: { code: "leave", reason: "lunch" } },
    ]);
  });
});

describe("Unsubscribing", () => {
  it.each(modes)("at any moment of a join leaves nobody and nothing behind, in %s mode", (mode) => {
    for (let ms = 0; ms < 15; ms += 1) {
      toTheEnd(() => {
        const { home, roomId, join, membership$ } = scene();
        const joined = join({ mode }).subscribe();
        timer(ms).subscribe(() => joined.unsubscribe());
        timer(60_000).subscribe(() => {
          expect([ms, membership$.value, home.delayed()]).toEqual([ms, [], []]);
          const last = home.events(roomId).findLast(({ type }) => type === memberType || type === stickyType);
          expect(objectOr(last?.content)).not.toHaveProperty("application");
        });
      });
    }
    expect.assertions(30);
  });

  it(
    "sends a leave if the delayed leave cannot be sent, like leaveOn",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene();
      home.injectFault({ request: "send-delayed" }, { fail: new MatrixError("network", "no answer") });
      expectObservable(requests$, "^ 9s !").toBe("C-D-W-R 993ms S 3001ms L-X");
      expectObservable(seen$, "    ^ 9s !").toBe("n-----a 3997ms n", seen);
      cold("                       j 999ms -")
        .pipe(
          switchMap(() => join()),
          takeUntil(timer(1_000)),
        )
        .subscribe();
    }),
  );

  it(
    "then subscribing again at once joins again",
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene({ latencyMs: 3 });
      expectObservable(requests$, "^ 2s  !").toBe("C-----D-----W---R 983ms (SCX)-D-----W---R");
      expectObservable(seen$, "    ^ 30s !").toBe("n---------------a 987ms n 11ms          a", seen);
      cold("                       j 999ms               j")
        .pipe(
          switchMap(() => join()),
          takeUntil(timer(30_000)),
        )
        .subscribe();
    }),
  );

  it(
    "leaves a delayed leave behind that the next join cancels first",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene({ latencyMs: 2 });
      // The first join gets no answer, so that its leave is sent without knowing whether it had joined.
      home.injectFault({ request: "send" }, { lose: "request" });
      const joins$ = concat(join({ leaveOn: timer(9) }), join({ leaveOn: timer(30_000) }));
      expectObservable(requests$, "^ 3s  !").toBe("C---D---W 2000ms L---(CX)D---W--R");
      expectObservable(seen$, "    ^ 30s !").toBe("n 2023ms a", seen);
      cold("                       j")
        .pipe(switchMap(() => joins$))
        .subscribe();
    }),
  );
});

describe("A leave in an encrypted room", () => {
  const leaveReason = { code: "leave" };
  it.each([
    ["sent as an event", {}, false],
    ["sent as an event with a reason, and then by the server", { leaveReason }, {}],
  ] as const)(
    "is read by a user who was out of the room meanwhile and knows our join: %s",
    (_, options, delayedEvents) => {
      const names: string[] = [];
      toTheEnd(() => {
        const { home, roomId, join } = scene({ encrypted: true, delayedEvents, members: [alice, bob, carl] });
        const seenByCarl$ = callOf(home.client(carl, "C"), roomId).membership$;
        const note = () => names.push(memberNames(seenByCarl$.value));
        const watching = seenByCarl$.subscribe();
        join({ mode: "matrix_2_0", leaveOn: timer(10_000), ...options }).subscribe();
        for (const ts of [5_000, 15_000]) timer(ts).subscribe(note);
        timer(8_000).subscribe(() => home.kick(roomId, carl));
        timer(12_000).subscribe(() => home.joinRoom(roomId, carl));
        timer(20_000).subscribe(() => watching.unsubscribe());
      });
      expect(names).toEqual(["alice", ""]);
    },
  );

  it("is encrypted if it has a reason", () => {
    const types: unknown[] = [];
    toTheEnd(() => {
      const { home, join } = scene({ encrypted: true });
      home.event$.subscribe(({ type, sticky, content }) => {
        if (type === stickyType) types.push([sticky?.encryption, "leave_reason" in Object(content)]);
      });
      join({ mode: "matrix_2_0", leaveReason, leaveOn: timer(1_000) }).subscribe();
    });
    expect(types).toEqual([
      ["decrypted", false],
      ["decrypted", true],
      ["cleartext", false],
    ]);
  });

  it("is encrypted in a room that does not allow it in the clear", () => {
    const names: string[] = [];
    toTheEnd(() => {
      const powerLevels = { events: { [stickyType]: 50 } };
      const { join, seen$ } = scene({ encrypted: true, delayedEvents: false, members: [bob, alice], powerLevels });
      const watching = seen$.subscribe((present) => names.push(present));
      join({ mode: "matrix_2_0", leaveOn: timer(1_000) }).subscribe();
      timer(5_000).subscribe(() => watching.unsubscribe());
    });
    expect(names).toEqual(["", "alice", ""]);
  });
});
