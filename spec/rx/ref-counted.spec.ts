import { Subject, take } from "rxjs";
import { describe, expect, it } from "vitest";
import { refCounted } from "../../src/rx/ref-counted.ts";
import { marbles } from "../support/marbles.ts";

describe("Work that is ref-counted", () => {
  it(
    "begins with the first subscriber, is shared, and ends with the last",
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source$ = hot("         a-b-c-d-e-f-g-h");
      const work$ = refCounted<string>((tell) => {
        const subscription = source$.subscribe(tell);
        return () => subscription.unsubscribe();
      });
      expectObservable(work$, "     -^---!").toBe("          --b-c");
      expectObservable(work$, "     ---^---!").toBe("        ----c-d");
      expectObservable(work$, "     ----------^-!").toBe("   ----------f");
      expectSubscriptions(source$.subscriptions).toBe(["     -^-----!", "----------^-!"]);
    }),
  );

  it("tells the first subscriber what it tells at once", () => {
    const seen: number[] = [];
    const work$ = refCounted<number>((tell) => {
      tell(1);
      return () => seen.push(-1);
    });
    work$.subscribe((value) => seen.push(value)).unsubscribe();
    work$.pipe(take(1)).subscribe((value) => seen.push(value));
    expect(seen).toEqual([1, -1, 1, -1]);
  });

  it("is done once for subscribers that come while it begins", () => {
    const source$ = new Subject<number>();
    let works = 0;
    const seen: string[] = [];
    const work$ = refCounted<number>((tell) => {
      works += 1;
      const subscription = source$.subscribe(tell);
      tell(0);
      return () => subscription.unsubscribe();
    });
    const outer = work$.subscribe((value) => {
      seen.push(`outer ${value}`);
      if (value === 0) work$.pipe(take(1)).subscribe((inner) => seen.push(`inner ${inner}`));
    });
    source$.next(1);
    expect([works, source$.observed]).toEqual([1, true]);
    outer.unsubscribe();
    expect(source$.observed).toBe(false);
    expect(seen).toEqual(["outer 0", "outer 1", "inner 1"]);
  });
});
