// A key that is missing is asked for again, and given again. Pitfalls 2, item 1.
import { Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import type { Decryption } from "../../src/keys/trace.ts";
import { marbles } from "../support/marbles.ts";
import { happening, letter, scene } from "./scene.ts";

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
