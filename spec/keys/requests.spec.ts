// A missing key is requested, and a request is answered. Pitfalls 2, item 1. protocol.md 5.7.
import { filter, map, Observable, of, takeUntil, timer } from "rxjs";
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
const renewals = ({ renewal$ }: ReturnType<typeof scene>) => renewal$.pipe(map(() => "r"));

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

  it(
    "a re-joined member that has replaced all keys of its earlier stay gets no request when a key is invalid",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a---b-c", stays),
        letters: cold("-01----nm", mail),
        reports: cold("----------i", { i: invalid }),
      });
      expectObservable(requests(call), "30s !").toBe("");
    }),
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

describe("renewals of our membership", () => {
  it(
    "our membership is renewed with the second request to a member whose media comes, and then ever more rarely",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), reports: cold("m", { m: lack("bob") }) });
      expectObservable(renewals(call), "1000s !").toBe("11s r 59999ms r 119999ms r 239999ms r 479999ms r");
      flush();
      expect(call.traced("key-requested")).toHaveLength(6);
      expect(call.traced("key-request-unanswered")[0]).toEqual({
        kind: "key-request-unanswered",
        userId: "@bob:example.org",
        deviceId: "PHONE",
        memberId: "id-of-bob",
      });
    }),
  );

  it(
    "our membership is not renewed if we leave at the trace entry about it",
    marbles(({ cold, expectObservable }) => {
      const { trace$, renewal$ } = scene({
        members: cold("a", { a: "me bob" }),
        reports: cold("m", { m: lack("bob") }),
      });
      const left$ = trace$.pipe(filter(({ kind }) => kind === "key-request-unanswered"));
      expectObservable(renewal$.pipe(takeUntil(left$)), "20s !").toBe("11s |");
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
      expect(call.traced("key-request-unanswered").map((entry) => "userId" in entry && entry.userId)).toEqual([
        "@bob:example.org",
        "@bob:example.org",
        "@carl:example.org",
      ]);
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
