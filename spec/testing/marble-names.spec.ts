import { map } from "rxjs";
import { describe, expect, test } from "vitest";
import { keyName, memberNames, membershipMarbles, membersNamed } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";

describe("names for marbles", () => {
  test.each(["", "alice", "alice bob", "bob alice carl"])("turn %o into members and back into words", (names) => {
    expect(memberNames(membersNamed(names))).toBe(names);
  });

  test("show the devices of a user with more than one", () => {
    expect(memberNames(membersNamed("alice/PHONE bob/LAPTOP alice/LAPTOP"))).toBe("alice/PHONE bob alice/LAPTOP");
  });

  test("give the same member object each time", () => {
    const [alice, bob] = membersNamed("alice bob");
    expect(membersNamed("bob alice")).toEqual([bob, alice]);
    expect(membersNamed("bob")[0]).toBe(bob);
    expect(membersNamed("bob/LAPTOP")[0]).not.toBe(bob);
  });

  test(
    "make a membership$ that always has a value",
    marbles(({ cold, expectObservable, flush }) => {
      const membership$ = membershipMarbles(cold("--a--b|", { a: "alice", b: "alice bob" }));
      expectObservable(membership$.pipe(map(memberNames))).toBe("n-a--b|", { n: "", a: "alice", b: "alice bob" });
      expectObservable(membership$.pipe(map(memberNames)), "---^--!").toBe("---a-b|", { a: "alice", b: "alice bob" });
      expect(membership$.value).toEqual([]);
      flush();
      expect(memberNames(membership$.value)).toBe("alice bob");
    }),
  );

  test("name the owner and the index of a key, and no part of the key", () => {
    const [alice] = membersNamed("alice");
    const key = new Uint8Array(16).fill(7);
    expect(keyName({ ...alice!, keyIndex: 255, key, own: true } as never)).toBe("alice#255");
  });

  test("show a malformed user id unchanged", () => {
    expect(keyName({ userId: "nobody", keyIndex: 0 })).toBe("nobody#0");
  });
});
