import { timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { marbles } from "../support/marbles.ts";
import { callScene, transportAt, wordsNow, wordsOf } from "./call-scene.ts";

describe("a call over LiveKit", () => {
  test(
    "connects its members with the SFU of each other, and receives what they send",
    marbles(({ flush }) => {
      const { enter, sfu } = callScene(["alice", "bob"]);
      const alice = enter("alice", "sfu1");
      const bob = enter("bob", "sfu2");
      const words: string[] = [];
      wordsOf(alice.call.participants$).subscribe((word) => words.push(word));
      timer(2_000).subscribe(() => {
        console.log(words, sfu.connected, sfu.flows(), alice.call.problems$.value, alice.states.at(-1));
        console.log(wordsNow(bob.call.participants$.value), bob.call.connections$.value);
      });
      flush();
      expect(sfu.open.size).toBe(0);
    }),
  );
});
void transportAt;
