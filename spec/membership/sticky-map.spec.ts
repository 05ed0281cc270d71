import { describe, expect, it } from "vitest";
import { outranks, isMoreComplete, stickyEndTs } from "../../src/membership/sticky-map.ts";
import type { StickyEvent } from "../../src/matrix.ts";
import { hourMs, stickyContent, stickyEvent } from "../support/contents.ts";

const now = 10 * hourMs;
const event = (changes: Partial<StickyEvent>) =>
  stickyEvent(stickyContent(), { originServerTs: now, receivedTs: now, ...changes });

describe("The end of a sticky event (3.1, 11 row 7)", () => {
  it.each<[string, Partial<StickyEvent>, number]>([
    ["is its duration after it was sent", { originServerTs: now - 10, durationMs: 60 }, now + 50],
    [
      "counts from receipt if the clock of its server is ahead (B3)",
      { originServerTs: now + 1_000_000, durationMs: 60_000 },
      now + 60_000,
    ],
    [
      "follows the time to live that the server gave (B4)",
      { originServerTs: now - 9 * hourMs, ttlMs: 5000 },
      now + 5000,
    ],
    ["is at most an hour later (B5)", { durationMs: 99_999_999 }, now + hourMs],
    ["is at most an hour later with a time to live, too", { ttlMs: 99_999_999 }, now + hourMs],
    ["ignores a time to live of 0", { durationMs: 60, ttlMs: 0 }, now + 60],
    ["ignores a negative time to live", { durationMs: 60, ttlMs: -1 }, now + 60],
    ["ignores a time to live that is not a number", { durationMs: 60, ttlMs: "1" }, now + 60],
  ])("%s", (_, changes, endTs) => expect(stickyEndTs(event(changes))).toBe(endTs));

  it.each([[0], [-1], [1.5], ["3600000"], [null], [undefined], [NaN], [Infinity], [{}]])(
    "is -Infinity for a duration of %j",
    (durationMs) => expect(stickyEndTs(event({ durationMs }))).toBe(-Infinity),
  );
});

describe("A copy of a sticky event", () => {
  const unread = event({ encryption: "undecryptable" });
  const nameless = event({ encryption: "decrypted" });
  const named = event({ encryption: "decrypted", senderDeviceId: "PHONE" });

  it.each([
    ["is more complete if it is decrypted and the known copy is not", nameless, unread, true],
    ["is more complete if its device is known now", named, nameless, true],
    ["is not more complete if only the known copy is decrypted", unread, named, false],
    ["is not more complete if it still cannot be decrypted", unread, unread, false],
    ["is not more complete if it is the same", named, named, false],
    ["is not more complete if it is the same, without a device", nameless, nameless, false],
    ["is not more complete if the device was known before", nameless, named, false],
  ])("%s", (_, now_, before, isMore) => expect(isMoreComplete(now_, before)).toBe(isMore));
});

describe("Between two sticky events with the same key", () => {
  const wins = (a: Partial<StickyEvent>, b: Partial<StickyEvent>) => {
    expect(outranks(event(a), event(b))).toBe(true);
    expect(outranks(event(b), event(a))).toBe(false);
  };

  it("the greater event id wins if they end at the same time (B1)", () => wins({ eventId: "$b" }, { eventId: "$a" }));

  it("event ids are compared by code unit, independent of any language", () =>
    wins({ eventId: "$a" }, { eventId: "$Z" }));

  it("the later end wins, even for the older event (B2)", () => {
    wins({ originServerTs: now - 2000, durationMs: hourMs }, { originServerTs: now - 1000, durationMs: 60_000 });
  });

  it("a duration above an hour counts as an hour", () => {
    wins({ originServerTs: now, durationMs: hourMs }, { originServerTs: now - 1, durationMs: 2 * hourMs });
  });
});
