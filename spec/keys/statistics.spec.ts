// Counts of key messages. protocol.md 5.6.
import { describe, expect, it } from "vitest";
import { countsOf, type KeyStatistics } from "../../src/keys/statistics.ts";
import type { KeyRejection } from "../../src/keys/trace.ts";
import { marbles } from "../support/marbles.ts";
import { letter, scene } from "./scene.ts";

describe("statistics", () => {
  it(
    "statistics count what we made, sent and requested, and what became of it",
    marbles(({ cold, flush }) => {
      const call = scene({
        members: cold("a", { a: "me bob carl dave" }),
        outcome: (name, attempt) => (name === "carl" && attempt === 1 ? "failed" : "sent"),
        letters: cold("----(abcdef)", {
          a: letter({ from: "bob", sentTs: 1 }),
          b: letter({ from: "bob", sentTs: 1 }),
          c: letter({ from: "carl", sentTs: 3 }),
          d: letter({ from: "carl", proof: "none" }),
          e: letter({ from: "carl", content: { room_id: 7 } }),
          f: letter({ from: "erin" }),
        }),
      });
      call.key$.subscribe();
      const counts: KeyStatistics[] = [];
      cold("6s x").subscribe(() => counts.push(call.keys.statistics$.value));
      flush();
      expect(counts).toEqual([
        {
          keysCreated: 1,
          // The first send, the retry for Carl, and the request to Dave.
          sends: 3,
          delivered: 4,
          notDelivered: 1,
          received: 3,
          receivedTotalAgeMs: 4,
          rejected: 2,
          requested: 1,
        },
      ]);
    }),
  );

  const reasons: Readonly<Record<KeyRejection, "received" | "rejected" | undefined>> = {
    malformed: "rejected",
    cleartext: "rejected",
    "unproven-device": "rejected",
    "forged-device": "rejected",
    "not-cross-signed": "rejected",
    "identity-taken": "rejected",
    outdated: "received",
    known: "received",
    "unknown-slot": "received",
    "never-a-member": "received",
    "too-many-early": "received",
    stale: undefined,
  };
  it.each(Object.entries(reasons))("a key that is %s counts as %s", (reason, counter) => {
    expect(countsOf(reason as KeyRejection)).toEqual(counter === undefined ? {} : { [counter]: 1 });
  });
});
