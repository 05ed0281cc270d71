import { describe, expect, it } from "vitest";
import { LatestByKey } from "../../src/rx/latest-by-key.ts";
import { marbles } from "../support/marbles.ts";

const byLetter = () => new LatestByKey<string>((value) => value.slice(0, 1));

describe("LatestByKey", () => {
  it(
    "replays the last value of each key to late subscribers, then emits the new ones",
    marbles(({ cold, expectObservable }) => {
      const latest = byLetter();
      const values = { a: "a1", b: "b1", c: "a2" };
      cold("                            -a-b-----c", values).subscribe((value) => latest.next(value));
      expectObservable(latest.values$, "^-----------!").toBe("-a-b-----c", values);
      expectObservable(latest.values$, "----^-------!").toBe("----(ab)-c", values);
      expectObservable(latest.values$, "----------^-!").toBe("----------(bc)", values);
    }),
  );

  it("forgets the values that it is asked to drop", () => {
    const latest = byLetter();
    for (const value of ["a1", "b1", "c1"]) latest.next(value);
    latest.keep((value) => value !== "b1");
    const seen: string[] = [];
    latest.values$.subscribe((value) => seen.push(value));
    expect(seen).toEqual(["a1", "c1"]);
  });

  it("gives a subscriber each last value once, even if values arrive during the replay", () => {
    const latest = byLetter();
    latest.next("a1");
    latest.next("b1");
    const seen: string[] = [];
    latest.values$.subscribe((value) => {
      seen.push(value);
      if (value === "a1") for (const next of ["c1", "b2"]) latest.next(next);
    });
    expect(seen).toEqual(["a1", "c1", "b2"]);
    latest.next("d1");
    expect(seen).toEqual(["a1", "c1", "b2", "d1"]);
  });
});
