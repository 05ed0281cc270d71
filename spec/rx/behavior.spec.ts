import { BehaviorSubject, combineLatest, map, merge, NEVER, of, Subject, Subscription, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { type Behavior, behavior } from "../../src/rx/behavior.ts";
import { marbles } from "../support/marbles.ts";
import { unhandledIn } from "../support/unhandled.ts";

describe("A behavior", () => {
  it(
    "has a value at once and tells of each change",
    marbles(({ hot, expectObservable }) => {
      let value = "a";
      const changes$ = hot("      -b-c-");
      changes$.subscribe((next) => (value = next));
      const value$ = behavior(() => value, changes$);
      expectObservable(value$, "^---!").toBe("ab-c");
      expectObservable(value$, "--^-!").toBe("--bc");
      expectObservable(value$, "----^!").toBe("----c");
    }),
  );

  it(
    "says nothing where the change changed nothing, by whatever it takes for equal",
    marbles(({ hot, expectObservable }) => {
      let value = 1;
      const changes$ = hot("                                                 -b-c-d", { b: 1, c: -1, d: 2 });
      changes$.subscribe((next) => (value = next));
      const isEqual = (a: number, b: number) => Math.abs(a) === Math.abs(b);
      expectObservable(
        behavior(() => value, changes$),
        "                    ^-----!",
      ).toBe("a--c-d", { a: 1, c: -1, d: 2 });
      expectObservable(
        behavior(() => value, changes$, isEqual),
        "           ^-----!",
      ).toBe("a----d", { a: 1, d: 2 });
    }),
  );

  it(
    "ends with its change",
    marbles(({ hot, expectObservable }) => {
      expectObservable(behavior(() => "a", hot("--|"))).toBe("a-|");
      expectObservable(behavior(() => "a", of(1, 2))).toBe("(a|)");
    }),
  );

  it("is read by anybody at any time, without a subscriber", () => {
    let value = 1;
    const value$ = behavior(() => value, NEVER);
    value = 2;
    expect(value$.value).toBe(2);
  });

  it("listens before it reads, so that nothing is lost in between (guarantee 38)", () => {
    let value = "old";
    const changes$ = new BehaviorSubject(0).pipe(
      map(() => {
        value = "new";
      }),
    );
    const seen: string[] = [];
    behavior(() => value, changes$).subscribe((next) => seen.push(next));
    expect(seen).toEqual(["new"]);
  });

  it("leaves every subscriber on the newest value, also when one of them changes it (guarantee 36)", () => {
    let value = 0;
    const changes$ = new Subject<void>();
    const set = (next: number) => {
      value = next;
      changes$.next();
    };
    const value$ = behavior(() => value, changes$);
    const seen: Record<string, number[]> = { first: [], last: [] };
    value$.subscribe((next) => seen["first"]?.push(next));
    value$.subscribe((next) => next === 1 && set(2));
    value$.subscribe((next) => seen["last"]?.push(next));
    set(1);
    expect(seen).toEqual({ first: [0, 1, 2], last: [0, 2] });
  });

  it("does not glitch where two of one source meet", () => {
    let value = 1;
    const changes$ = new Subject<void>();
    const value$ = behavior(() => value, changes$);
    const double$ = behavior(() => value$.value * 2, value$);
    const both$ = behavior(() => [value$.value, double$.value].join(), merge(value$, double$));
    const seen: string[] = [];
    both$.subscribe((both) => seen.push(both));
    value = 2;
    changes$.next();
    expect(seen).toEqual(["1,2", "2,4"]);
  });

  it("takes its subscription to the change along", () => {
    const changes$ = new Subject<void>();
    const all = new Subscription();
    const value$ = behavior(() => 1, changes$);
    for (let n = 0; n < 3; n += 1) all.add(value$.subscribe());
    expect(changes$.observed).toBe(true);
    all.unsubscribe();
    expect(changes$.observed).toBe(false);
  });

  it("is an Observable to all operators, and is satisfied by a BehaviorSubject", () => {
    const subject$: Behavior<number> = new BehaviorSubject(1);
    const seen: number[][] = [];
    combineLatest([subject$, behavior(() => 2, NEVER)]).subscribe((values) => seen.push(values));
    expect(seen).toEqual([[1, 2]]);
  });

  it("never errs itself: an error of its change is an unhandled one", async () => {
    const broken = new Error("change broke");
    const seen: unknown[] = [];
    const note = (value: unknown) => void seen.push(value);
    const value$ = behavior(
      () => 1,
      throwError(() => broken),
    );
    expect(await unhandledIn(() => value$.subscribe({ next: note, error: note }))).toEqual([broken]);
    expect(seen).toEqual([1]);
  });
});
