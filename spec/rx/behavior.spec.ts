import { BehaviorSubject, combineLatest, map, merge, NEVER, of, Subject, Subscription, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { type Behavior, behavior } from "../../src/rx/behavior.ts";
import { marbles } from "../support/marbles.ts";
import { unhandledIn } from "../support/unhandled.ts";

describe("behavior", () => {
  it(
    "emits its value at once and at each change",
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
    "emits nothing if the value is equal to the last one",
    marbles(({ hot, expectObservable }) => {
      let value = 1;
      const values = { a: 1, b: 1, c: -1, d: 2 };
      const changes$ = hot("          -b-c-d", values);
      changes$.subscribe((next) => (value = next));
      const value$ = behavior(() => value, changes$);
      const size$ = behavior(
        () => value,
        changes$,
        (a, b) => Math.abs(a) === Math.abs(b),
      );
      expectObservable(value$, "      ^-----!").toBe("a--c-d", values);
      expectObservable(size$, "       ^-----!").toBe("a----d", values);
    }),
  );

  it(
    "completes with the stream of its changes",
    marbles(({ hot, expectObservable }) => {
      expectObservable(behavior(() => "a", hot("--|"))).toBe("a-|");
      expectObservable(behavior(() => "a", of(1, 2))).toBe("(a|)");
    }),
  );

  it(
    "emits its last value to a late subscriber, after the stream of its changes has completed",
    marbles(({ hot, expectObservable }) => {
      let value = "a";
      const changes$ = hot("               -b-|");
      changes$.subscribe((next) => (value = next));
      expectObservable(
        behavior(() => value, changes$),
        "-----^-!",
      ).toBe("-----(b|)");
    }),
  );

  it("has a value without a subscriber", () => {
    let value = 1;
    const value$ = behavior(() => value, NEVER);
    value = 2;
    expect(value$.value).toBe(2);
  });

  it("subscribes to the changes before it reads, so that no change is missed (guarantee 38)", () => {
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

  it("gives all subscribers the same last value, even if one of them changes it during an emission (guarantee 36)", () => {
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

  it("never shows a mixture of old and new values when two of one source are combined", () => {
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

  it("unsubscribes from the changes with its subscribers", () => {
    const changes$ = new Subject<void>();
    const all = new Subscription();
    const value$ = behavior(() => 1, changes$);
    for (let n = 0; n < 3; n += 1) all.add(value$.subscribe());
    expect(changes$.observed).toBe(true);
    all.unsubscribe();
    expect(changes$.observed).toBe(false);
  });

  it("works with all operators, as a BehaviorSubject does", () => {
    const subject$: Behavior<number> = new BehaviorSubject(1);
    const seen: number[][] = [];
    combineLatest([subject$, behavior(() => 2, NEVER)]).subscribe((values) => seen.push(values));
    expect(seen).toEqual([[1, 2]]);
  });

  it("never errors: an error of its changes is reported as an unhandled error", async () => {
    const broken = new Error("the changes broke");
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
