// Next stay: keys that come while the room still shows the stay before of their sender. protocol.md 5.4, pitfalls 25.
import { distinctUntilChanged, filter, ignoreElements, map, merge, type Observable } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { marbles } from "../support/marbles.ts";
import { type Letter, letter, member, scene } from "./scene.ts";

interface Drawing {
  readonly members: string;
  readonly letters: string;
  /** The status of Bob, each time it changes. */
  readonly expected: string;
  /** When we request his key. */
  readonly requests?: string;
}

/** `b`: Bob, `c`: his next stay on the same device, `n`: without Bob. He is a state member. */
const lists = { b: "me bob.state", c: "me bob2.state", n: "me" };
const words: Record<string, string> = { n: "no-key", a: "absent", 0: "ok 0", 1: "ok 1", 5: "ok 5", i: "invalid-key" };

const identity = member("bob.state").participantIdentity;

/** The status of Bob in words, while we exchange keys. */
const statusOf = ({ keys, key$ }: ReturnType<typeof scene>): Observable<string> =>
  merge(
    key$.pipe(ignoreElements()),
    keys.encryptionStatus$.pipe(
      map((statuses) => statuses.get(identity)),
      map((status) => (!status ? "absent" : status.status === "ok" ? `ok ${status.keyIndex}` : status.reason)),
      distinctUntilChanged(),
    ),
  );

/** Keys of his first stay are lower case. Those of his next one are upper case. */
const letters = (ids: { readonly first?: string; readonly next?: string } = {}) => {
  const first = (index: number, key: number, more: Partial<Letter> = {}) =>
    letter({ from: "bob", index, key, memberId: ids.first ?? "@bob:example.org:PHONE", sentTs: key, ...more });
  return {
    a: first(0, 1),
    b: first(1, 2),
    f: first(5, 3),
    A: first(0, 101, { memberId: ids.next ?? ids.first ?? "@bob:example.org:PHONE" }),
    B: first(1, 102, { memberId: ids.next ?? ids.first ?? "@bob:example.org:PHONE" }),
    /** The same key 0 again. */
    R: first(0, 101, { sentTs: 103, memberId: ids.next ?? ids.first ?? "@bob:example.org:PHONE" }),
    /** Another key 0, sent after the clock of the sender was set back. */
    C: first(0, 105, { sentTs: -100 }),
  };
};

const shows = (drawing: Drawing, ids?: { readonly first?: string; readonly next?: string }) =>
  marbles(({ cold, expectObservable }: RunHelpers) => {
    const { members, letters: mail, expected, requests } = drawing;
    const call = scene({ members: cold(members, lists), letters: cold(mail, letters(ids)) });
    expectObservable(statusOf(call), "           ^ 80s !").toBe(expected, words);
    if (requests !== undefined) expectObservable(call.requested$, "^ 80s !").toBe(requests, { r: "0 > bob" });
  });

describe("keys of the next stay of a state member that come before we see it", () => {
  it(
    "count for the next stay at once, and are not requested, if an index has got another key",
    shows({
      members: " b  9s              c",
      letters: " -a 8s    A",
      expected: "n0",
      requests: "",
    }),
  );

  it(
    "count in the second half of their minute, too",
    shows({
      members: " b  50s             c",
      letters: " -a 10s   A",
      expected: "n0",
      requests: "",
    }),
  );

  it(
    "count together with those that follow them by their index",
    shows({
      members: " b  9s              c",
      letters: " -a 8s    AB",
      expected: "n0 8001ms  1",
      requests: "",
    }),
  );

  it(
    "count although the key of the earlier stay with that index never came: the index goes back",
    shows({
      members: " b  9s              c",
      letters: " -f 8s    A        - 4s R",
      expected: "n5 8s    0",
      requests: "",
    }),
  );

  it(
    "count if the messages name another member id, whatever their indexes are",
    shows(
      {
        members: " b  9s              c",
        letters: " -a 8s    B",
        expected: "n0 8s    1",
        requests: "",
      },
      { first: "one", next: "two" },
    ),
  );

  it(
    "count when the next stay is seen some time after the end of the first",
    shows({
      members: " b  9s              n 9s c",
      letters: " -a 8s    A",
      expected: "n0 8999ms         a 9s 0",
      requests: "",
    }),
  );

  it(
    "are requested after five seconds, in case they are of the earlier stay after all, if only the index goes back",
    shows({
      members: " b  9s              c",
      letters: " -f 8s    A",
      expected: "n5 8s    0",
      requests: "14001ms r 9999ms r 19999ms r",
    }),
  );
});

/** The keys of Bob, as their index and the byte that they consist of. */
const installed = ({ key$ }: ReturnType<typeof scene>): Observable<string> =>
  key$.pipe(
    filter(({ own }) => !own),
    map(({ keyIndex, key }) => `${keyIndex} ${key[0]}`),
  );
const wordsOfKeys = { f: "5 3", a: "0 1", b: "1 2", A: "0 101", C: "0 105" };

describe("keys of a stay that has ended", () => {
  it(
    "do not count for the next stay: the first one is of that stay",
    shows({ members: " b  9s              c", letters: " -a", expected: "n0 8999ms         n" }),
  );

  it(
    "do not count for the next stay: those that follow by their index",
    shows({ members: " b  9s              c", letters: " -a 8s    b", expected: "n0 8s    1 998ms n" }),
  );

  it(
    "do not count for the next stay if they came a minute before it was seen",
    shows({ members: " b  69001ms c", letters: " -a 9s    A", expected: "n0 69000ms n" }),
  );

  it.each([
    { title: "a key that came late", mail: "-a 8s Ab", keys: "-a 8s    Ab 997ms A" },
    { title: "a key before the clock of the sender was set back", mail: "-f 8s C", keys: "-f 8s C 998ms C" },
  ])("do not count for the next stay although a key of that came: $title", ({ mail, keys }) =>
    marbles(({ cold, expectObservable }) => {
      const call = scene({ members: cold(" b  9s              c", lists), letters: cold(mail, letters()) });
      expectObservable(installed(call), "^ 12s !").toBe(keys, wordsOfKeys);
    })(),
  );

  it.each([
    { title: "an index that went back", mail: "-f 8s A - 2s C", keys: "-f 8s    A 998ms A 1002ms C" },
    // The key that was kept can be of a stay between the two, which the room never showed.
    { title: "an index that got another key", mail: "-a 8s A - 2s C", keys: "-a 8s    A 998ms A 1002ms C" },
  ])(
    "never make a key outdated that comes in the next stay, whatever the clock of their sender says: $title",
    ({ mail, keys }) =>
      marbles(({ cold, expectObservable }) => {
        const call = scene({ members: cold(" b  9s              c", lists), letters: cold(mail, letters()) });
        expectObservable(installed(call), "^ 20s !").toBe(keys, wordsOfKeys);
        // One of the two is not of this stay, so we request the key of this stay.
        expectObservable(call.requested$, "^ 20s !").toBe("  14001ms                  r", { r: "0 > bob" });
      })(),
  );

  it(
    "are forgotten after a minute, and nothing is rejected",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("    b  9s              n 70s c", lists),
        letters: cold("    -f 8s    A", letters()),
      });
      expectObservable(statusOf(call), "^ 80s !").toBe("n5 8s 0 998ms a 70s n", words);
      flush();
      expect(call.traced("key-kept", "key-rejected")).toEqual([]);
    }),
  );

  it(
    "are forgotten after a minute, also if a key of somebody else came after them",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("    b  9s              n 59198ms c", lists),
        letters: cold("    -f 8s    A 497ms k", { ...letters(), k: letter({ from: "carl" }) }),
      });
      expectObservable(statusOf(call), "^ 69s !").toBe("n5 8s 0 998ms a 59198ms n", words);
    }),
  );

  it(
    "say in the trace that they were kept, and count as received once",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("b 9s c", lists), letters: cold("-a 8s A", letters()) });
      expectObservable(statusOf(call), "^ 10s !").toBe("n0", words);
      flush();
      expect(call.traced("key-received", "key-kept")).toMatchObject([
        { kind: "key-received", keyIndex: 0 },
        { kind: "key-received", keyIndex: 0 },
        { kind: "key-kept", keyIndex: 0 },
      ]);
      expect(call.keys.statistics$.value.received).toBe(2);
    }),
  );
});
