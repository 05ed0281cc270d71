import { Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { knownThenLive } from "../../src/rx/known-then-live.ts";
import { marbles } from "../support/marbles.ts";

const named = (names: string) => Object.fromEntries([...names].map((name) => [name, { name }]));

describe("knownThenLive", () => {
  it(
    "gives a late subscriber what is known, and then what comes",
    marbles(({ hot, expectObservable }) => {
      const values = named("abc");
      const live$ = hot(" -a-b-----c-", values);
      const known: { name: string }[] = [];
      live$.subscribe((value) => known.push(value));
      const value$ = knownThenLive(() => known, live$);
      expectObservable(value$, "^-----------!").toBe("-a-b-----c--", values);
      expectObservable(value$, "-----^------!").toBe("-----(ab)c--", values);
    }),
  );

  it("keeps the order when a subscriber causes a new value, and emits each value once", () => {
    const [a, b, c, d] = "abcd".split("").map((name) => ({ name }));
    const live$ = new Subject<{ name: string } | undefined>();
    const seen: (string | undefined)[] = [];
    knownThenLive(() => [a!, b!], live$ as Subject<{ name: string }>).subscribe((value) => {
      seen.push(value.name);
      if (value === a) for (const next of [c, b]) live$.next(next);
    });
    expect(seen).toEqual(["a", "b", "c"]);
    live$.next(d);
    expect(seen).toEqual(["a", "b", "c", "d"]);
  });
});
