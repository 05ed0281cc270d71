// A key that is missing is asked for again, and given again. Pitfalls 2, item 1.
import { filter, Observable, of, Subject, takeUntil } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../support/marbles.ts";
import { happening, letter, scene } from "./scene.ts";
import type { Decryption } from "../../src/types.ts";

const questions = ({ asked$, key$ }: ReturnType<typeof scene>) =>
  new Observable<string>((subscriber) => {
    subscriber.add(asked$.subscribe(subscriber));
    subscriber.add(key$.subscribe());
  });

describe("a member of whom no key has come", () => {
  it(
    "is asked after 5 s, and then less and less often, six times in all",
    marbles(({ cold, expectObservable }) => {
      const call = scene({ members: cold("a", { a: "me bob" }) });
      expectObservable(questions(call)).toBe("5s q 9999ms q 19999ms q 39999ms q 79999ms q 159999ms q", {
        q: "0 > bob",
      });
    }),
  );

  it(
    "gets our key again if the question did not reach it",
    marbles(({ cold, expectObservable }) => {
      const outcome = (_: string, attempt: number) => (attempt === 2 ? "failed" : "sent");
      const call = scene({ members: cold("a", { a: "me bob" }), outcome });
      const key = { i: "me#0", k: "0 > bob" };
      expectObservable(happening(call), "9s !").toBe("(ik) 5996ms k", key);
    }),
  );

  it(
    "is not asked once its key is there, or once it has left",
    marbles(({ cold, expectObservable }) => {
      const plan = { members: cold("a 5999ms b", { a: "me bob carl", b: "me carl" }) };
      const call = scene({ ...plan, letters: cold("-k", { k: letter({ from: "carl" }) }) });
      expectObservable(questions(call)).toBe("5s q", { q: "0 > bob" });
    }),
  );

  it(
    "is asked within a second if its media cannot be decrypted for want of a key",
    marbles(({ cold, expectObservable, flush }) => {
      const lack: Decryption = { participantIdentity: "sfu-bob", result: "missing-key", keyIndex: 1 };
      const call = scene({
        members: cold(" a", { a: "me bob" }),
        letters: cold("-k 1499ms l", { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 1, key: 2 }) }),
        decryption$: cold("---m", { m: lack }),
      });
      expectObservable(questions(call)).toBe("1003ms q", { q: "0 > bob" });
      flush();
      expect(call.traced("media-decryption", "key-asked-for")).toMatchObject([
        { ...lack },
        { kind: "key-asked-for", userId: "@bob:example.org", memberId: "id-of-bob" },
      ]);
    }),
  );

  it(
    "is asked all the same when what is decrypted of it is media of before",
    marbles(({ cold, expectObservable }) => {
      const well: Decryption = { participantIdentity: "sfu-bob", result: "ok" };
      const call = scene({ members: cold("a", { a: "me bob" }), decryption$: cold("--m", { m: well }) });
      expectObservable(questions(call), "6s !").toBe("5s q", { q: "0 > bob" });
    }),
  );

  it(
    "is asked all the same when the media layer has failed",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), decryption$: cold("--#") });
      expectObservable(questions(call), "6s !").toBe("5s q", { q: "0 > bob" });
      flush();
      expect(call.traced("decryption-lost")).toEqual([{ kind: "decryption-lost" }]);
    }),
  );

  it(
    "is asked all the same when what the media layer says goes through a Subject that is unsubscribed",
    marbles(({ cold, expectObservable, flush }) => {
      const decryption$ = new Subject<Decryption>();
      decryption$.unsubscribe();
      const call = scene({ members: cold("a", { a: "me bob" }), decryption$ });
      expectObservable(questions(call), "6s !").toBe("5s q", { q: "0 > bob" });
      flush();
      expect(call.traced("decryption-lost")).toHaveLength(1);
    }),
  );
});

describe("a member that sends media and does not answer", () => {
  const lack = (name: string, keyIndex = 0): Decryption => ({
    participantIdentity: `sfu-${name}`,
    result: "missing-key",
    keyIndex,
  });
  const renewals = ({ unanswered$, key$ }: ReturnType<typeof scene>) =>
    new Observable<string>((subscriber) => {
      subscriber.add(unanswered$.subscribe(() => subscriber.next("r")));
      subscriber.add(key$.subscribe());
    });

  it(
    "is to see us join anew with the second question, and then less and less often",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), decryption$: cold("m", { m: lack("bob") }) });
      expectObservable(renewals(call), "1000s !").toBe("11s r 59999ms r 119999ms r 239999ms r 479999ms r");
      flush();
      expect(call.traced("key-asked-for")).toHaveLength(6);
      expect(call.traced("key-unanswered")[0]).toEqual({
        kind: "key-unanswered",
        userId: "@bob:example.org",
        deviceId: "PHONE",
        memberId: "id-of-bob",
      });
    }),
  );

  it(
    "is not to see us any more if we leave at that word",
    marbles(({ cold, expectObservable }) => {
      const { key$, trace$, unanswered$ } = scene({
        members: cold("a", { a: "me bob" }),
        decryption$: cold("m", { m: lack("bob") }),
      });
      const left$ = trace$.pipe(filter(({ kind }) => kind === "key-unanswered"));
      const renewal$ = new Observable((subscriber) => {
        subscriber.add(unanswered$.subscribe(subscriber));
        subscriber.add(key$.pipe(takeUntil(left$)).subscribe());
      });
      expectObservable(renewal$, "20s !").toBe("");
      expectObservable(left$, "20s !").toBe("11s x", { x: expect.anything() });
    }),
  );

  it(
    "is counted from when its media comes, however often it was asked before",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({ members: cold("a", { a: "me bob" }), decryption$: cold("400s m", { m: lack("bob") }) });
      expectObservable(renewals(call), "420s !").toBe("411s r");
      flush();
      expect(call.traced("key-asked-for")).toHaveLength(6 + 2);
    }),
  );

  it(
    "counts even if its media came before it was seen as a member",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a-b", { a: "me", b: "me bob" }),
        decryption$: cold("m", { m: lack("bob") }),
      });
      expectObservable(renewals(call), "20s !").toBe("11002ms r");
    }),
  );

  it(
    "counts if its media is encrypted with another key than that of its device before",
    marbles(({ cold, expectObservable }) => {
      const call = scene({
        members: cold("a 99ms b", { a: "me bob", b: "me bob2" }),
        letters: cold("-k", { k: letter({ from: "bob" }) }),
        decryption$: cold("1s m", { m: { participantIdentity: "sfu-bob2", result: "invalid-key" } as const }),
      });
      expectObservable(renewals(call), "20s !").toBe("12s r");
    }),
  );

  it(
    "shares a renewal with others",
    marbles(({ cold, expectObservable, flush }) => {
      const call = scene({
        members: cold("a", { a: "me bob carl" }),
        decryption$: cold("m 999ms n", { m: lack("bob"), n: lack("carl") }),
      });
      expectObservable(renewals(call), "100s !").toBe("11s r 59999ms r");
      flush();
      expect(call.traced("key-unanswered").map((entry) => "userId" in entry && entry.userId)).toEqual([
        "@bob:example.org",
        "@bob:example.org",
        "@carl:example.org",
      ]);
    }),
  );

  const letters = { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 1, key: 2 }) };
  const sayings: Record<string, Decryption> = {
    m: lack("bob"),
    o: { participantIdentity: "sfu-bob", result: "ok" },
    i: { participantIdentity: "sfu-bob", result: "invalid-key" },
    u: { participantIdentity: "sfu-bob", result: "missing-key" },
    e: lack("me"),
  };
  const cases: readonly [title: string, letters: string, sayings: string, renewals: string][] = [
    ["is not if it sends no media", "                      ", "", ""],
    ["is not if it gives its key", "                       5s k", "-m", ""],
    ["is not if it gives a later key", "                   5s l", "-m", ""],
    ["is not if it can be decrypted after all", "          ", "-m 5s o", ""],
    ["is not if it could be before it was seen", "         ", "(mo)", ""],
    ["is not if it is ourselves", "                        k", "--e", ""],
    ["is not if its key is there, and wrong", "            -k", "--i", ""],
    ["is if a key is there, and none is named", "          -k", "--u", "11002ms r"],
  ];
  for (const [title, mail, said, expected] of cases)
    it(
      title,
      marbles(({ cold, expectObservable }) => {
        const plan = { letters: cold(mail, letters), decryption$: cold(said, sayings) };
        const call = scene({ ...plan, members: cold("-a", { a: "me bob" }) });
        expectObservable(renewals(call), "70s !").toBe(expected);
      }),
    );

  it(
    "is forgotten before it is seen if too many others are like it",
    marbles(({ cold, expectObservable }) => {
      const others = Array.from({ length: 64 }, (_, index) => lack(`stranger${index}`));
      const call = scene({ members: cold("-a", { a: "me bob" }), decryption$: of(lack("bob"), ...others) });
      expectObservable(renewals(call), "70s !").toBe("");
    }),
  );

  it(
    "is not if the key that its frames name is there, or the one after it",
    marbles(({ cold, expectObservable }) => {
      const letters = cold("(kl)", { k: letter({ from: "bob" }), l: letter({ from: "bob", index: 2, key: 2 }) });
      const decryption$ = cold("-(mno)", { m: lack("bob", 0), n: lack("bob", 1), o: lack("bob", 2) });
      const call = scene({ members: cold("a", { a: "me bob" }), letters, decryption$ });
      expectObservable(questions(call), "1000s !").toBe("");
    }),
  );

  it(
    "is if it gives an older key than its frames name",
    marbles(({ cold, expectObservable }) => {
      const letters = cold("k 2s k", { k: letter({ from: "bob", index: 255 }) });
      const call = scene({
        members: cold("a", { a: "me bob" }),
        letters,
        decryption$: cold("-m", { m: lack("bob", 0) }),
      });
      expectObservable(renewals(call), "20s !").toBe("11001ms r");
    }),
  );
});

describe("a question for our key", () => {
  const wants = { "rx.matrixrtc.wants_key": true };

  it(
    "of a member is answered with what it was given, no more often than every 5 s",
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
    "of a member that came too late for the key in use is answered with the one to come alone",
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

  it(
    "of somebody who is not in the call is not answered",
    marbles(({ cold, expectObservable }) => {
      const letters = cold("-----q", { q: letter({ from: "eve", content: wants }) });
      const call = scene({ members: cold("a", { a: "me bob" }), letters });
      expectObservable(happening(call)).toBe("(is)", { i: "me#0", s: "0 > bob" });
    }),
  );

  it(
    "that does not prove its device is not answered",
    marbles(({ cold, expectObservable }) => {
      const letters = cold("-----q", { q: letter({ from: "bob", content: wants, proof: "none" }) });
      const call = scene({ members: cold("a", { a: "me bob" }), letters });
      expectObservable(happening(call)).toBe("(is)", { i: "me#0", s: "0 > bob" });
    }),
  );
});
