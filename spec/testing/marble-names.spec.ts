import { map } from "rxjs";
import { describe, expect, test } from "vitest";
import { keyName, memberNames, membershipMarbles, membersNamed } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";

describe("names for marbles", () => {
  test.each(["", "alice", "alice bob", "bob alice carl"])("make members of %o and words of them again", (names) => {
    expect(memberNames(membersNamed(names))).toBe(names);
  });

  test("show devices where a user has more than one", () => {
    expect(memberNames(membersNamed("alice/PHONE bob/LAPTOP alice/LAPTOP"))).toBe("alice/PHONE bob alice/LAPTOP");
  });

  test("stand for the same member each time", () => {
    const [alice, bob] = membersNamed("alice bob");
    expect(membersNamed("bob alice")).toEqual([bob, alice]);
    expect(membersNamed("bob")[0]).toBe(bob);
    expect(membersNamed("bob/LAPTOP")[0]).not.toBe(bob);
  });

  test(
    "draw a membership$ that has a value at any time",
    marbles(({ cold, expectObservable, flush }) => {
      const membership$ = membershipMarbles(cold("--a--b|", { a: "alice", b: "alice bob" }));
      expectObservable(membership$.pipe(map(memberNames))).toBe("n-a--b|", { n: "", a: "alice", b: "alice bob" });
      expectObservable(membership$.pipe(map(memberNames)), "---^--!").toBe("---a-b|", { a: "alice", b: "alice bob" });
      expect(membership$.value).toEqual([]);
      flush();
      expect(memberNames(membership$.value)).toBe("alice bob");
    }),
  );

  test("say whose key it is and its index, and nothing of the key", () => {
    const [alice] = membersNamed("alice");
    const key = new Uint8Array(16).fill(7);
    expect(keyName({ ...alice!, keyIndex: 255, key, own: true } as never)).toBe("alice#255");
  });

  test("take a user id that is none as it is", () => {
    expect(keyName({ userId: "nobody", keyIndex: 0 })).toBe("nobody#0");
  });
});
