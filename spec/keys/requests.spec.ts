// A missing key is requested, and a request is answered. Pitfalls 2, item 1. protocol.md 5.7.
import { filter, interval, map, Observable, of, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { DecryptionReport } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { deviceOf, happening, letter, scene } from "./scene.ts";

/** Requests that go out: `0 > bob`. */
const requests = ({ requested$, key$ }: ReturnType<typeof scene>) =>
  new Observable<string>((subscriber) => {
    subscriber.add(requested$.subscribe(subscriber));
    subscriber.add(key$.subscribe());
  });

/** `r` for each renewal of our membership. */
const renewals = ({ keysUnanswered$ }: ReturnType<typeof scene>) => keysUnanswered$.pipe(map(() => "r"));

/** The media layer lacks a key of a member. */
const lack = (name: string, keyIndex = 0): DecryptionReport => ({
  participantIdentity: `sfu-${name}`,
  result: "missing-key",
  keyIndex,
});

describe("requests", () => {
  it(
    "a member without a key gets a request after 5 s, and then up to five more with growing pauses",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ members: cold("a", { a: "me bob" }) });
      const expected = "5s q 9999ms q 19999ms q 39999ms q 79999ms q 159999ms q";
      expectObservable(requests(call)).toBe(expected, { q: "0 > bob" });
    }),
  );

  it(
    "a request that does not arrive is followed by our key alone",
    marbles(({ cold, expectObservable }) => {
      const outcome = (_: string, attempt: number) => (attempt === 2 ? "failed" : "sent");
      const call = scene({ members: cold("a", { a: "me bob" }), outcome });
      expectObservable(happening(call), "9s !").toBe("(ik) 5996ms k", { i: "me#0", k: "0 > bob" });
    }),
  );

  it(
    "a member whose key came, or that left, gets no request",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a 5999ms b", { a: "me bob carl", b: "me carl" }),
        letters: cold("-k", { k: letter({ from: "carl" }) }),
      });
      expectObservable(requests(call)).toBe("5s q", { q: "0 > bob" });
    }),
  );

  it(
    "a member whose media needs another key gets a request within a second",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("a", { a: "me bob" }),
        letters: cold("-k 1499ms l", { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 1, key: 2 }) }),
        reports: cold("---m", { m: lack("bob", 1) }),
      });
      expectObservable(requests(call)).toBe("1003ms q", { q: "0 > bob" });
      flush();
      expect(call.traced("media-decryption", "key-requested")).toMatchObject([
        lack("bob", 1),
        { kind: "key-requested", userId: "@bob:example.org", memberId: "id-of-bob" },
      ]);
    }),
  );

  it(
    "a member without a key gets a request although media of its earlier membership was decrypted",
    marbles(({ cold, expectObservable }) => {
      const ok: DecryptionReport = { participantIdentity: "sfu-bob", result: "ok" };
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("--m", { m: ok }) });
      expectObservable(requests(call), "6s !").toBe("5s q", { q: "0 > bob" });
    }),
  );

  it(
    "a member without a key gets a request although the stream of reports has failed",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("--#") });
      expectObservable(requests(call), "6s !").toBe("5s q", { q: "0 > bob" });
    }),
  );

  const stays = { a: "me bob.state", b: "me", c: "me bob2.state" };
  const ofBob = { memberId: "a-uuid" };
  const mail = {
    "0": letter({ from: "bob", index: 0, key: 1, ...ofBob }),
    "1": letter({ from: "bob", index: 1, key: 2, ...ofBob }),
    n: letter({ from: "bob2", index: 0, key: 3, sentTs: 9, ...ofBob }),
    m: letter({ from: "bob2", index: 1, key: 4, sentTs: 9, ...ofBob }),
  };
  const invalid: DecryptionReport = { participantIdentity: "@bob:example.org:PHONE", result: "invalid-key" };

  it(
    "a re-joined member gets a request when its media does not fit a key that its earlier stay left behind (F5)",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a---b-c", stays),
        letters: cold("-01----n", mail),
        reports: cold("---------i", { i: invalid }),
      });
      expectObservable(requests(call), "9s !").toBe("1009ms q", { q: "1 > bob" });
    }),
  );

  it.each([
    ["both keys", "-01----nm"],
    ["the only key", "-0-----n"],
  ])("a re-joined member that has replaced %s of its earlier stay gets no request when a key is invalid", (_, drawn) =>
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a---b-c", stays),
        letters: cold(drawn, mail),
        reports: cold("----------i", { i: invalid }),
      });
      expectObservable(requests(call), "30s !").toBe("");
    })(),
  );

  it(
    "a re-joined member gets its first request after 5 s, although media of its earlier stay came before that was seen",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("n-a---b---c", { ...stays, n: "me" }),
        letters: cold("---0", mail),
        reports: cold("-m", { m: { ...invalid, result: "missing-key", keyIndex: 0 } as const }),
      });
      expectObservable(requests(call), "9s !").toBe("5010ms q", { q: "1 > bob" });
    }),
  );

  it(
    "a member gets no request while the room does not show us, and its own request is answered as soon as it does",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a 5999ms b", { a: "bob", b: "bob me" }),
        letters: cold("7s q", { q: letter({ from: "bob", index: 1, content: { "rx.matrixrtc.wants_key": true } }) }),
      });
      expectObservable(happening(call), "9s !").toBe("i 5999ms s 999ms (sk)", {
        i: "me#0",
        s: "0 > bob",
        k: "bob#1",
      });
      expectObservable(call.requested$, "      9s !").toBe("");
    }),
  );

  it(
    "a request during a rotation travels with the newest key of its member, once",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a 3999ms b", { a: "me bob carl", b: "me bob" }),
        rotation: { useDelayMs: 2_000 },
      });
      expectObservable(requests(call), "6s !").toBe("5s q", { q: "1 > bob" });
    }),
  );

  describe("keys that came before their member was seen, as those of an earlier stay do", () => {
    const early = {
      "2": letter({ from: "bob", index: 2, key: 1, sentTs: 1, ...ofBob }),
      "3": letter({ from: "bob", index: 3, key: 2, sentTs: 2, ...ofBob }),
      /** Key 2 once more, and then another key 2. */
      s: letter({ from: "bob", index: 2, key: 1, sentTs: 3, ...ofBob }),
      t: letter({ from: "bob", index: 2, key: 5, sentTs: 4, ...ofBob }),
    };
    const about = (result: DecryptionReport["result"], keyIndex?: number): DecryptionReport => ({
      participantIdentity: "@bob:example.org:PHONE",
      result,
      keyIndex,
    });
    const reports = {
      "0": about("missing-key", 0),
      "2": about("missing-key", 2),
      i: about("invalid-key"),
      j: about("invalid-key", 2),
      o: about("ok"),
    };
    it.each([
      ["do not answer for an index before theirs", "       -----(23)---", "----------0   ", "1010ms q"],
      ["do not answer for an index reported before", "     -----(23)---", "--0           ", "1006ms q"],
      ["answer for their own index", "                     -----(23)---", "----------2   ", ""],
      ["do not answer if they do not fit", "               -----2------", "----------i   ", "1010ms q"],
      ["do not answer if the media names one as invalid", "-----(23)---", "----------j   ", "1010ms q"],
      ["need no request once the media is decrypted", "    -----2------", "----------i--o", ""],
      ["count as those of this stay once they come again", "-----2--s---", "----------0   ", ""],
      ["no longer count once another key replaced them", "-----2--t---", "----------0   ", ""],
      ["do not answer if they do not fit, though another key came after", "-----2--3---", "----------i   ", "1010ms q"],
      ["answer for the index that was reported before", "    -----2------", "--2           ", ""],
      // One of the two is of the earlier stay, and the clock of their sender does not say which.
      ["are requested once one comes that says it is older", "-----t--s---", "              ", "1008ms q"],
    ])("keys before their member %s (F5)", (_, drawn, reported, expected) =>
      marbles(({ cold, expectObservable }) => {
        const call = scene({
          members: cold("a-----c", { a: "me", c: "me bob2.state" }),
          letters: cold(drawn, early),
          reports: cold(reported, reports),
        });
        expectObservable(requests(call), "9s !").toBe(expected, { q: "0 > bob" });
      })(),
    );
  });

  it.each([
    ["an invalid key whose index the media names is requested, although the same key comes again", "-k 3s m", "--i", 3],
    ["an invalid key whose index the media names is requested, although its message is replayed", " -k 3s k", "--i", 3],
    ["an invalid key whose index the media names needs no request once another key comes", "        -k 3s l", "--i", 1],
  ])("%s", (_, drawn, reported, count) =>
    marbles(({ cold, flush }) => {
      const call = scene({
        members: cold("a", { a: "me bob" }),
        letters: cold(drawn, {
          k: letter({ from: "bob" }),
          l: letter({ from: "bob", key: 2, sentTs: 1 }),
          m: letter({ from: "bob", sentTs: 1 }),
        }),
        reports: cold(reported, { i: { participantIdentity: "sfu-bob", result: "invalid-key", keyIndex: 0 } as const }),
      });
      requests(call)
        .pipe(takeUntil(timer(40_000)))
        .subscribe();
      flush();
      expect(call.traced("key-requested")).toHaveLength(count);
    })(),
  );

  it(
    "a report about a key that we have, or about an older one, causes no request",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a", { a: "me bob" }),
        letters: cold("(kl)", { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 2, key: 2 }) }),
        reports: cold("-(mno)", { m: lack("bob", 0), n: lack("bob", 1), o: lack("bob", 2) }),
      });
      expectObservable(requests(call), "1000s !").toBe("");
    }),
  );
});

describe("requests while the media layer lacks a key", () => {
  it(
    "requests do not end while the media layer reports trouble, with pauses of a minute at most",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("m", { m: lack("bob") }) });
      const expected = `1s q 9999ms q 19999ms q 39999ms q ${"59999ms q ".repeat(15)}`;
      expectObservable(requests(call), "1000s !").toBe(expected.trim(), { q: "0 > bob" });
    }),
  );

  it(
    "requests end after six if the media was decrypted, and start again with a new lack",
    marbles(({ cold, expectObservable }) => {
      const reports = { m: lack("bob"), o: { participantIdentity: "sfu-bob", result: "ok" } as const };
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("m 1999ms o 997999ms m", reports) });
      const expected = "1s q 9999ms q 19999ms q 39999ms q 79999ms q 159999ms q 689999ms q";
      expectObservable(requests(call), "1005s !").toBe(expected, { q: "0 > bob" });
    }),
  );

  it.each([
    [
      "a later key index starts the requests again",
      "    1",
      "1s q 9999ms q 19999ms q 39999ms q 29999ms q 9999ms q 19999ms q",
    ],
    ["the same key index goes on with the requests", "   0", "1s q 9999ms q 19999ms q 39999ms q 59999ms q"],
    ["an earlier key index goes on with the requests", " e", "1s q 9999ms q 19999ms q 39999ms q 59999ms q"],
    ["a report without an index goes on with the requests", "i", "1s q 9999ms q 19999ms q 39999ms q 59999ms q"],
  ])("%s", (_, mark, expected) =>
    marbles(({ cold, expectObservable }) => {
      const invalid: DecryptionReport = { participantIdentity: "sfu-bob", result: "invalid-key" };
      const marks = { "0": lack("bob"), "1": lack("bob", 1), e: lack("bob", 255), i: invalid };
      const call = scene({
        members: cold("a", { a: "me bob" }),
        reports: cold(`0 99999ms ${mark.trim()}`, marks),
      });
      expectObservable(requests(call), "135s !").toBe(expected, { q: "0 > bob" });
    })(),
  );

  it(
    "two key indexes that are reported in turn cause no more requests than the later one",
    marbles(({ cold, expectObservable }) => {
      const reports = interval(500).pipe(map((count) => lack("bob", count % 2)));
      const call = scene({ members: cold("a", { a: "me bob" }), reports: reports.pipe(takeUntil(timer(100_000))) });
      expectObservable(requests(call), "100s !").toBe("1500ms q 9999ms q 19999ms q 39999ms q", { q: "0 > bob" });
    }),
  );

  it(
    "a new stay starts the requests again",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a 99999ms b c", { a: "me bob.state", b: "me", c: "me bob2.state" }),
        reports: cold("m 100001ms m", { m: { ...lack("bob"), participantIdentity: "@bob:example.org:PHONE" } }),
      });
      const expected = "1s q 9999ms q 19999ms q 39999ms q 30001ms r 9999ms r";
      expectObservable(requests(call), "115s !").toBe(expected, { q: "0 > bob", r: "1 > bob" });
    }),
  );
});

it.each([
  ["travels with the message that is planned for its end", "me bob3", "me bob3", "5100ms q"],
  ["goes to nobody if its member has left meanwhile", "me", "me", ""],
  ["is not sent to a later membership of its device", "me", "me bob4", "10100ms q"],
])("a request in the pause after a key was sent again %s", (_, then, last, expected) =>
  marbles(({ cold, expectObservable }) => {
    const call = scene({
      // The first re-join gets the key at once, the second one 5 s later.
      members: cold("a 99ms b 99ms c 4299ms d 299ms e", {
        a: "me bob",
        b: "me bob2",
        c: "me bob3",
        d: then,
        e: last,
      }),
      rotation: { coalesceMs: 60_000 },
      reports: cold("3s m", { m: { participantIdentity: "sfu-bob3", result: "missing-key" } as const }),
    });
    expectObservable(requests(call), "11s !").toBe(expected, { q: "0 > bob" });
  })(),
);

it(
  "a request that travels with a planned message leaves the message for another member as it is",
  marbles(({ cold, expectObservable }) => {
    const call = scene({
      members: cold("a 99ms b 99ms c", { a: "me bob carl", b: "me bob2 carl2", c: "me bob3 carl3" }),
      reports: cold("3s m", { m: { participantIdentity: "sfu-bob3", result: "missing-key" } as const }),
    });
    expectObservable(happening(call), "5200ms !").toBe("(is) 96ms s 4999ms c", {
      i: "me#0",
      s: "0 > bob carl",
      c: "0 > carl",
    });
    expectObservable(call.requested$, "5200ms !").toBe("5100ms q", { q: "0 > bob" });
  }),
);

describe("renewals of our membership", () => {
  it(
    "our membership is renewed with the second request to a member whose media comes, and then ever more rarely",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("m", { m: lack("bob") }) });
      expectObservable(renewals(call), "1000s !").toBe("11s r 59999ms r 119999ms r 239999ms r 479999ms r");
      flush();
      expect(call.traced("key-requested")).toHaveLength(19);
      expect(call.traced("keys-unanswered")[0]).toEqual({
        kind: "keys-unanswered",
        userId: "@bob:example.org",
        deviceId: "PHONE",
        memberId: "id-of-bob",
      });
    }),
  );

  it(
    "our membership is not renewed if we leave at the trace entry about it",
    marbles(({ cold, expectObservable }) => {
      const { trace$, keysUnanswered$ } = scene({
        members: cold("a", { a: "me bob" }),
        reports: cold("m", { m: lack("bob") }),
      });
      const left$ = trace$.pipe(filter(({ kind }) => kind === "keys-unanswered"));
      expectObservable(keysUnanswered$.pipe(takeUntil(left$)), "20s !").toBe("11s |");
    }),
  );

  it(
    "only requests count that were sent after the media of a member came",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("400s m", { m: lack("bob") }) });
      expectObservable(renewals(call), "420s !").toBe("411s r");
      flush();
      expect(call.traced("key-requested")).toHaveLength(6 + 2);
    }),
  );

  it.each([
    { title: "report, key, member", letters: "-k", reports: "u  20s   o", asked: "1003ms q 9999ms q" },
    { title: "key, report, member", letters: "k", reports: "-u 20s   o", asked: "1003ms q 9999ms q" },
    { title: "report, key, member, media", letters: "-k", reports: "u 900ms o", asked: "" },
  ])(
    "a member without any key is asked, although its key came before it was seen, until its media is decrypted: $title",
    ({ letters: mail, reports: reported, asked }) =>
      marbles(({ cold, expectObservable }) => {
        const call = scene({
          members: cold("a--b", { a: "me", b: "me bob" }),
          letters: cold(mail, { k: letter({ from: "bob" }) }),
          reports: cold(reported, {
            u: { participantIdentity: "sfu-bob", result: "missing-key" } as const,
            o: { participantIdentity: "sfu-bob", result: "ok" } as const,
          }),
        });
        expectObservable(requests(call), "60s !").toBe(asked, { q: "0 > bob" });
      })(),
  );

  it(
    "a report counts if it came before its member was seen",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a-b", { a: "me", b: "me bob" }),
        reports: cold("m", { m: lack("bob") }),
      });
      expectObservable(renewals(call), "20s !").toBe("11002ms r");
    }),
  );

  it(
    "a re-joined member triggers a renewal if its media needs a key that it did not have before",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a 99ms b", { a: "me bob", b: "me bob2" }),
        letters: cold("-k", { k: letter({ from: "bob" }) }),
        reports: cold("1s m", { m: { participantIdentity: "sfu-bob2", result: "invalid-key" } as const }),
      });
      expectObservable(renewals(call), "20s !").toBe("12s r");
    }),
  );

  it(
    "one renewal serves all members that do not answer",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("a", { a: "me bob carl" }),
        reports: cold("m 999ms n", { m: lack("bob"), n: lack("carl") }),
      });
      expectObservable(renewals(call), "100s !").toBe("11s r 59999ms r");
      flush();
      expect(call.traced("keys-unanswered").map((entry) => "userId" in entry && entry.userId)).toEqual([
        "@bob:example.org",
        "@bob:example.org",
        "@carl:example.org",
      ]);
    }),
  );

  it(
    "a renewal comes in time also if it is not the time of a request",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a", { a: "me bob carl" }),
        letters: cold("20s k", { k: letter({ from: "bob" }) }),
        // Bob causes the first renewal at 11 s. Carl, whose requests are at 2, 12, 32 and 72 s, causes the next one.
        reports: cold("m 999ms n", { m: lack("bob"), n: lack("carl") }),
      });
      expectObservable(renewals(call), "75s !").toBe("11s r 59999ms r");
    }),
  );

  it(
    "an older key than the media needs is no answer",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a", { a: "me bob" }),
        letters: cold("k 2s k", { k: letter({ from: "bob", index: 255 }) }),
        reports: cold("-m", { m: lack("bob", 0) }),
      });
      expectObservable(renewals(call), "20s !").toBe("11001ms r");
    }),
  );

  const letters = { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 1, key: 2 }) };
  const reports: Record<string, DecryptionReport> = {
    m: lack("bob"),
    o: { participantIdentity: "sfu-bob", result: "ok" },
    i: { participantIdentity: "sfu-bob", result: "invalid-key" },
    u: { participantIdentity: "sfu-bob", result: "missing-key" },
    e: lack("me"),
  };
  it.each([
    ["a member without media causes no renewal", "                        ", "", ""],
    ["a member that sends its key causes no renewal", "                5s k", "-m", ""],
    ["a member that sends a later key causes no renewal", "            5s l", "-m", ""],
    ["a member that is decrypted again causes no renewal", "               ", "-m 5s o", ""],
    ["a member that was decrypted before it was seen causes no renewal", " ", "(mo)", ""],
    ["a report about ourselves causes no renewal", "                    k", "--e", ""],
    ["a key that is wrong causes no renewal", "                        -k", "--i", ""],
    ["a key that is missing without an index causes a renewal", "      -k", "--u", "11002ms r"],
  ])("%s", (_, mail, reported, expected) =>
    marbles(({ cold, expectObservable }) => {
      const plan = { letters: cold(mail, letters), reports: cold(reported, reports) };
      const call = scene({ ...plan, members: cold("-a", { a: "me bob" }) });
      expectObservable(renewals(call), "70s !").toBe(expected);
    })(),
  );

  it(
    "only the last 1,000 reports about unknown participants are kept",
    marbles(({ cold, expectObservable }) => {
      const others = Array.from({ length: 1_000 }, (_, index) => lack(`unknown${index}`));
      const call = scene({ members: cold("-a", { a: "me bob" }), reports: of(lack("bob"), ...others) });
      expectObservable(renewals(call), "70s !").toBe("");
    }),
  );
});

describe("answers to a request for our key", () => {
  const wants = { "rx.matrixrtc.wants_key": true };

  it(
    "a member gets again what it was given, every 5 s at most",
    marbles(({ cold, expectObservable }) => {
      const letters = cold("-----q-q 5s q", { q: letter({ from: "bob", content: wants }) });
      const call = scene({ members: cold("a", { a: "me bob carl" }), letters });
      expectObservable(happening(call), "6s !").toBe("(is)-(ak) 4999ms a", {
        i: "me#0",
        s: "0 > bob carl",
        a: "0 > bob",
        k: "bob#0",
      });
    }),
  );

  it(
    "two requests of one instant get one answer",
    marbles(({ cold, expectObservable }) => {
      const letters = cold("-----(qr)", {
        q: letter({ from: "bob", content: wants }),
        r: letter({ from: "bob", sentTs: 1, content: wants }),
      });
      const call = scene({ members: cold("a", { a: "me bob carl" }), letters });
      expectObservable(happening(call), "4s !").toBe("(is)-(ak)", {
        i: "me#0",
        s: "0 > bob carl",
        a: "0 > bob",
        k: "bob#0",
      });
    }),
  );

  it(
    "a member that got our key with our request gets no answer for 5 s",
    marbles(({ cold, expectObservable }) => {
      const asks = (index: number) => letter({ from: "bob", index, content: wants });
      const letters = cold("6s a 3998ms b c", { a: asks(0), b: asks(1), c: asks(2) });
      const call = scene({ members: cold("a", { a: "me bob" }), letters });
      expectObservable(call.requested$, "      11s !").toBe("5s r", { r: "0 > bob" });
      expectObservable(happening(call), "11s !").toBe("(is) 5996ms a 3998ms b (sc)", {
        i: "me#0",
        s: "0 > bob",
        a: "bob#0",
        b: "bob#1",
        c: "bob#2",
      });
    }),
  );

  it(
    "a request is traced with the device that sent it",
    marbles(({ cold, flush }) => {
      const letters = cold("-q", { q: letter({ from: "bob", content: wants }) });
      const call = scene({ members: cold("a", { a: "me bob" }), letters });
      call.key$.pipe(takeUntil(timer(9))).subscribe();
      flush();
      expect(call.traced("key-request-received")).toEqual([{ kind: "key-request-received", ...deviceOf("bob") }]);
    }),
  );

  it(
    "a member that just got our key again gets our request after the pause, also if other members wait",
    marbles(({ cold, expectObservable }) => {
      const asks = (from: string) => letter({ from, content: wants });
      const call = scene({
        members: cold("a", { a: "me bob carl" }),
        letters: cold("-----(bc)", { b: asks("bob"), c: asks("carl") }),
        reports: cold("------(bc)", { b: lack("bob", 1), c: lack("carl", 1) }),
      });
      expectObservable(requests(call), "^ 9s !").toBe("5005ms q", { q: "0 > bob carl" });
    }),
  );

  it(
    "the client gets a plain device to send to, and nothing of the request",
    marbles(({ cold, flush }) => {
      const letters = cold("-----q", { q: letter({ from: "bob", content: wants }) });
      const call = scene({ members: cold("a", { a: "me bob carl" }), letters });
      const recipients: unknown[] = [];
      call.messages$.subscribe(({ devices }) => recipients.push(...devices));
      call.key$.pipe(takeUntil(timer(9))).subscribe();
      flush();
      expect(recipients.slice(0, 3)).toEqual([deviceOf("bob"), deviceOf("carl"), deviceOf("bob")]);
    }),
  );

  it(
    "a member that joined too late for the key in use gets only the next one",
    marbles(({ cold, expectObservable }) => {
      const members = cold("a-----------b---", { a: "me bob", b: "me bob carl" });
      const letters = cold("--------------q", { q: letter({ from: "carl", content: wants }) });
      const call = scene({ members, letters, rotation: { useDelayMs: 6, graceMs: 10 } });
      expectObservable(happening(call), "^ 30ms !").toBe("(is)--------t-(ak)u", {
        i: "me#0",
        s: "0 > bob",
        t: "1 > bob carl",
        a: "1 > carl",
        u: "me#1",
        k: "carl#0",
      });
    }),
  );

  it.each([
    ["a user outside the call gets no answer", { from: "eve" }],
    ["a request that does not prove its device gets no answer", { from: "bob", proof: "none" }],
  ] as const)("%s", (_, request) =>
    marbles(({ cold, expectObservable }) => {
      const letters = cold("-----q", { q: letter({ ...request, content: wants }) });
      const call = scene({ members: cold("a", { a: "me bob" }), letters });
      expectObservable(happening(call)).toBe("(is)", { i: "me#0", s: "0 > bob" });
    })(),
  );
});
