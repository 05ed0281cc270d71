import { concat, ignoreElements, merge, of } from "rxjs";
import { describe, it } from "vitest";
import { whilePresent } from "../../examples/call/src/while-present.ts";
import { marbles } from "../support/marbles.ts";

const lists = { n: [], a: ["a1"], A: ["a2"], b: ["b1"], x: ["a1", "b1"] };
const keyOf = (item: string) => item.slice(0, 1);

describe("One stream for each key of a list", () => {
  it(
    "gets the items of its key",
    marbles(({ hot, expectObservable }) => {
      const list$ = hot("   -a--A--x---b--n--|", lists);
      const expected = "    -a--A--(ab)b-----|";
      const items$ = list$.pipe(whilePresent(keyOf, (item$) => item$));
      expectObservable(items$).toBe(expected, { a: "a1", A: "a2", b: "b1" });
    }),
  );

  it(
    "ends when the list lacks the key, and begins anew when it comes back",
    marbles(({ hot, expectObservable }) => {
      const list$ = hot("   -a--A--n--a--b---n----|", lists);
      const expected = "    -+-----0--+--(+0)0----|";
      const lives$ = list$.pipe(
        whilePresent(keyOf, (item$) => concat(merge(of("+"), item$.pipe(ignoreElements())), of("0"))),
      );
      expectObservable(lives$).toBe(expected);
    }),
  );
});
