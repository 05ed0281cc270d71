import { concat, finalize, ignoreElements, map, merge, mergeMap, NEVER, of, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { whilePresent } from "../../src/rx/while-present.ts";
import { marbles } from "../support/marbles.ts";

const lists = { n: [], a: ["a1"], A: ["a2"], b: ["b1"], x: ["a1", "b1"] };
const keyOf = (item: string) => item.slice(0, 1);

describe("whilePresent", () => {
  it(
    "gives each inner stream the items of its key, and nothing while they are the same",
    marbles(({ hot, expectObservable }) => {
      const list$ = hot(" -a--A--x---x--b--A--n--|", lists);
      const expected = "  -a--A--(ab)------A-----|";
      const items$ = list$.pipe(whilePresent(keyOf, (item$) => item$));
      expectObservable(items$).toBe(expected, { a: "a1", A: "a2", b: "b1" });
    }),
  );

  it(
    "completes an inner stream when its key is missing from a list, and starts another when it is back",
    marbles(({ hot, expectObservable }) => {
      const list$ = hot(" -a--A--n--a--b---n----|", lists);
      const expected = "  -+-----0--+--(+0)0----|";
      const lives$ = list$.pipe(
        whilePresent(keyOf, (item$) => concat(merge(of("+"), item$.pipe(ignoreElements())), of("0"))),
      );
      expectObservable(lives$).toBe(expected);
    }),
  );

  it(
    "gives late subscribers of an inner stream the present item",
    marbles(({ hot, expectObservable }) => {
      const list$ = hot(" -a---A--n-", lists);
      const expected = "  ---a-A----";
      const late$ = list$.pipe(whilePresent(keyOf, (item$) => timer(2).pipe(mergeMap(() => item$))));
      expectObservable(late$).toBe(expected, { a: "a1", A: "a2" });
    }),
  );

  it(
    "tells the projection its key",
    marbles(({ hot, expectObservable }) => {
      const list$ = hot(" -x--A--b-", lists);
      const expected = "  -(ab)--b-";
      expectObservable(list$.pipe(whilePresent(keyOf, (_, key) => of(key)))).toBe(expected);
    }),
  );

  it(
    "ends all inner streams with the subscription",
    marbles(({ hot, expectObservable, flush }) => {
      const ended: string[] = [];
      const list$ = hot("         -x----", lists);
      const subscription = "      ^--!--";
      const inner$ = list$.pipe(whilePresent(keyOf, (_, key) => NEVER.pipe(finalize(() => ended.push(key)))));
      expectObservable(inner$, subscription).toBe("------");
      flush();
      expect(ended).toEqual(["a", "b"]);
    }),
  );

  it(
    "fails with the list, with the key function or with an inner stream",
    marbles(({ hot, expectObservable }) => {
      const failure = new Error("no");
      const fails = (): string => {
        throw failure;
      };
      const list$ = hot(" -a--#", lists, failure);
      expectObservable(list$.pipe(whilePresent(keyOf, (item$) => item$))).toBe("-a--#", { a: "a1" }, failure);
      expectObservable(list$.pipe(whilePresent<string, string>(fails, (item$) => item$))).toBe("-#", {}, failure);
      expectObservable(list$.pipe(whilePresent(keyOf, (item$) => item$.pipe(map(fails))))).toBe("-#", {}, failure);
    }),
  );
});
