// The guarantees of pitfalls.md about our own membership, by their numbers. 3, 5, 7, 10 and 11 are in orderings.spec.ts.
import {
  concatMap,
  ignoreElements,
  interval,
  map,
  defer,
  NEVER,
  Observable,
  range,
  startWith,
  takeUntil,
  tap,
  timer,
} from "rxjs";
import { describe, expect, it } from "vitest";
import { resolveJoinOptions } from "../../src/join/options.ts";
import { ownMembership } from "../../src/join/join.ts";
import { MatrixError, type RoomChange } from "../../src/matrix.ts";
import { alice, bob, callOf, inWords, marbles, memberType, scene, smooth, toTheEnd } from "./scene.ts";
import { contentInput, lifecycle } from "./steps.ts";

const hourMs = 3_600_000;
const refreshMs = 55 * 60_000;
const phone = { userId: alice, deviceId: "A" };
const seen = { n: "", a: "alice" };

describe("Our own membership", () => {
  it("1. is not renewed shortly before the delayed leave is due: the restart comes first", () => {
    const steps = lifecycle("state", { delayedLeaveRestartMs: 17_500 });
    steps.join();
    expect(steps.at(17_000).input(contentInput)).toEqual(["restart"]);
    expect(steps.answers()).toEqual(["write"]);
  });

  it("1. is renewed without a restart while the delayed leave is known to be alive", () => {
    const steps = lifecycle("state");
    steps.join();
    expect(steps.at(2_000).input(contentInput)).toEqual(["write"]);
  });

  it("6. comes back when our leave arrives while a request is under way", () => {
    const steps = lifecycle("state");
    steps.join();
    expect(steps.at(5_000).input({ kind: "clock" })).toEqual(["restart"]);
    expect(steps.input({ kind: "membership", own: undefined })).toEqual([]);
    expect(steps.fails("not-found")).toEqual(["schedule"]);
    expect(steps.answers("delay-2")).toEqual(["write"]);
  });

  it("8. keeps no delay id after leaving", () => {
    const steps = lifecycle("state");
    steps.join();
    expect(steps.at(1_000).input({ kind: "leave", cause: "leaveOn" })).toEqual(["send"]);
    steps.answers();
    expect(steps.state()).toMatchObject({
      isOver: true,
      delayedLeave: { held: { status: "none" } },
      requests: { inFlight: [] },
    });
  });

  it(
    "9. is probably left at the predicted instant, without a sync",
    marbles(({ cold, expectObservable }) => {
      const { home, join } = scene();
      cold("1s x").subscribe(() => home.adjust(phone, { connection: "offline" }));
      expectObservable(inWords(join()), "^ 20s !").toBe("a-d-w-j 17999ms p", smooth);
    }),
  );

  it.each(["compatibility", "matrix_2_0"] as const)(
    "13. expires after ten minutes in %s mode on a server without delayed events, and its state shows why",
    (mode) =>
      marbles(({ cold, expectObservable }) => {
        const { home, join, seen$ } = scene({ delayedEvents: false });
        cold("299s x").subscribe(() => home.adjust(phone, { connection: "offline" }));
        expectObservable(inWords(join({ mode })), "^ 299s !").toBe("a-w-u", smooth);
        expectObservable(seen$, "                  ^ 60m  !").toBe("n---a 599998ms n", seen);
      })(),
  );

  it.each(["legacy", "compatibility", "matrix_2_0"] as const)("14. is alive after many expiries in %s mode", (mode) =>
    marbles(({ expectObservable }) => {
      const { join, seen$ } = scene();
      expectObservable(seen$, "                   ^ 780m !").toBe("n-----a", seen);
      const timing = { delayedLeaveMs: 120_000, delayedLeaveRestartMs: 60_000 };
      expectObservable(inWords(join({ mode, timing })), "^ 780m !").toBe("a-d-w-j", smooth);
    })(),
  );

  it(
    "21. is a new instance after a crash that nobody noticed, although a server drops repeated state",
    marbles(({ expectObservable }) => {
      const { call, join, membership$ } = scene();
      const changes$ = defer(() => call.matrix.changes$);
      const crashing = { ...call, matrix: { ...call.matrix, changes$, updateDelayedEvent: () => NEVER } };
      const crashed$ = ownMembership(crashing, resolveJoinOptions(call.slot));
      expectObservable(crashed$.pipe(ignoreElements()), "       ^ 9s !").toBe("");
      expectObservable(join().pipe(ignoreElements()), "    5s ^ 3s !").toBe("");
      const joins$ = membership$.pipe(map((members) => String(members.map(({ createdTs }) => createdTs))));
      expectObservable(joins$, "^ 7s !").toBe("n-----a 4999ms b", { n: "", a: "5", b: "5005" });
    }),
  );

  it("14. counts `expires` from when it joined, by the server's clock", () => {
    toTheEnd(() => {
      const { home, roomId, join, sent } = scene();
      join({ leaveOn: timer(2 * hourMs) }).subscribe({
        complete: () => {
          const [first, second, third] = home.events(roomId).filter(({ type }) => type === memberType);
          expect(first?.content).not.toHaveProperty("created_ts");
          const created_ts = first?.originServerTs;
          expect(second?.content).toMatchObject({ created_ts, expires: 4 * hourMs + refreshMs });
          expect(third?.content).toMatchObject({ created_ts, expires: 4 * hourMs + 2 * refreshMs });
          expect(sent(memberType)).toHaveLength(4);
        },
      });
    });
    expect.assertions(4);
  });

  it("15. costs 720 restarts and two writes in the first hour of a quiet call", () => {
    const letters: string[] = [];
    toTheEnd(() => {
      const { requests$, join } = scene();
      requests$.pipe(takeUntil(timer(hourMs))).subscribe((letter) => letters.push(letter));
      join({ leaveOn: timer(hourMs) }).subscribe();
    });
    expect(Object.groupBy(letters, (letter) => letter)).toMatchObject({ C: ["C"], D: ["D"], W: ["W", "W"] });
    expect(letters.filter((letter) => letter === "R")).toHaveLength(720);
  });

  it("15. costs 12 writes and no restarts in an hour on a server without delayed events", () => {
    const letters: string[] = [];
    toTheEnd(() => {
      const { requests$, join } = scene({ delayedEvents: false });
      requests$.pipe(takeUntil(timer(hourMs))).subscribe((letter) => letters.push(letter));
      join({ leaveOn: timer(hourMs) }).subscribe();
    });
    expect(letters.join("")).toBe(`C${"W".repeat(12)}`);
  });

  it("15. is written at most 130 times in an hour because of changes, however many there are", () => {
    const letters: string[] = [];
    toTheEnd(() => {
      const { requests$, join } = scene();
      requests$.pipe(takeUntil(timer(hourMs))).subscribe((letter) => letters.push(letter));
      const intent = interval(1_000).pipe(map(String), startWith("video"));
      join({ intent, leaveOn: timer(hourMs) }).subscribe();
    });
    expect(letters.filter((letter) => letter === "W").length).toBeLessThanOrEqual(1 + 130);
    expect(letters.filter((letter) => letter === "W").length).toBeGreaterThan(100);
  });

  it("15. is written at most 130 times in an hour although others overwrite it without end", () => {
    let writes = 0;
    toTheEnd(() => {
      const { home, roomId, requests$, join } = scene();
      requests$.pipe(takeUntil(timer(hourMs))).subscribe((letter) => (writes += letter === "W" ? 1 : 0));
      const overwriting = home.event$.subscribe(({ type, sender, content }) => {
        if (type === memberType && sender === alice && "application" in (content as object))
          timer(10).subscribe(() =>
            home.setState(roomId, { type: memberType, sender: bob, stateKey: `_${alice}_A_m.call`, content: {} }),
          );
      });
      join({ leaveOn: timer(hourMs) }).subscribe({ complete: () => overwriting.unsubscribe() });
    });
    expect(writes).toBeGreaterThan(100);
    expect(writes).toBeLessThanOrEqual(1 + 130);
  });

  it.each([300_000, 3_600_000, 8_000_000])(
    "15. is not written more often because of a long headroom (%d ms)",
    (headroomMs) => {
      let writes = 0;
      toTheEnd(() => {
        const { requests$, join } = scene();
        requests$.pipe(takeUntil(timer(hourMs))).subscribe((letter) => (writes += letter === "W" ? 1 : 0));
        join({ timing: { expiryHeadroomMs: headroomMs }, leaveOn: timer(hourMs) }).subscribe();
      });
      expect(writes).toBeLessThanOrEqual(3);
    },
  );

  it("27. may last longer than the longest timer of the platform", () => {
    const letters: string[] = [];
    toTheEnd(() => {
      const { requests$, join } = scene();
      requests$.subscribe((letter) => letters.push(letter));
      const longMs = 40 * 24 * hourMs;
      const timing = { expiryMs: longMs, delayedLeaveMs: longMs, delayedLeaveRestartMs: longMs / 2 };
      join({ timing, leaveOn: timer(1_000) }).subscribe();
    });
    expect(letters.join("")).toBe("CDWRS");
  });

  it("37. leaves no listener, no timer and no delayed event behind after 300 joins", () => {
    toTheEnd(() => {
      const { home, call } = scene();
      let listeners = 0;
      const changes$ = new Observable<readonly RoomChange[]>((subscriber) => {
        listeners += 1;
        subscriber.add(() => (listeners -= 1));
        subscriber.add(call.matrix.changes$.subscribe(subscriber));
      });
      const counted = callOf({ ...call.matrix, changes$ }, call.roomId);
      range(0, 300)
        .pipe(
          concatMap((index) => {
            const mode = index % 2 ? "matrix_2_0" : "compatibility";
            const options = resolveJoinOptions(counted.slot, { mode, leaveOn: timer((index * 7) % 60) });
            return ownMembership(counted, options).pipe(tap(() => expect(listeners).toBeGreaterThan(0)));
          }),
        )
        .subscribe();
      timer(3 * hourMs).subscribe(() => {
        expect(listeners).toBe(0);
        expect(home.delayed()).toEqual([]);
        expect(counted.membership$.value).toEqual([]);
      });
    });
  });

  it("traces every decision, and never a delay id", () => {
    const kinds = new Set<string>();
    toTheEnd(() => {
      const { home, trace, join } = scene();
      home.injectFault({ request: "restart" }, { fail: new MatrixError("network", "no answer") });
      timer(20_000).subscribe(() => home.loseDelayed(alice));
      join({ leaveOn: timer(60_000) }).subscribe({
        complete: () => {
          expect(JSON.stringify(trace)).not.toContain("delay-id");
          for (const { kind } of trace) kinds.add(kind);
        },
      });
    });
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        "join-started",
        "delayed-leave-armed",
        "membership-sent",
        "membership-written",
        "request-failed",
        "delayed-leave-gone",
        "leave-started",
        "leave-ended",
      ]),
    );
  });
});
