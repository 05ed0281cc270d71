import { describe, expect, it } from "vitest";
import { outranks, saysMore, stickyEndTs } from "../../src/membership/sticky-map.ts";
import type { StickyEvent } from "../../src/matrix.ts";
import { hourMs, stickyContent, stickyEvent } from "../support/contents.ts";

const now = 10 * hourMs;
const event = (changes: Partial<StickyEvent>) =>
  stickyEvent(stickyContent(), { originServerTs: now, receivedTs: now, ...changes });

describe("The end of a sticky event (3.1, 11 row 7)", () => {
  it.each<[string, Partial<StickyEvent>, number]>([
    ["is its duration after it was sent", { originServerTs: now - 10, durationMs: 60 }, now + 50],
    [
      "counts from receipt for a clock ahead (B3)",
      { originServerTs: now + 1_000_000, durationMs: 60_000 },
      now + 60_000,
    ],
    [
      "goes by the time to live that the server gave (B4)",
      { originServerTs: now - 9 * hourMs, ttlMs: 5000 },
      now + 5000,
    ],
    ["is an hour at most (B5)", { durationMs: 99_999_999 }, now + hourMs],
    ["is an hour at most by time to live too", { ttlMs: 99_999_999 }, now + hourMs],
    ["does not go by a time to live of 0", { durationMs: 60, ttlMs: 0 }, now + 60],
    ["does not go by a time to live that is negative", { durationMs: 60, ttlMs: -1 }, now + 60],
    ["does not go by a time to live that is no number", { durationMs: 60, ttlMs: "1" }, now + 60],
  ])("%s", (_, changes, endTs) => expect(stickyEndTs(event(changes))).toBe(endTs));

  it.each([[0], [-1], [1.5], ["3600000"], [null], [undefined], [NaN], [Infinity], [{}]])(
    "is before all time for a duration of %j",
    (durationMs) => expect(stickyEndTs(event({ durationMs }))).toBe(-Infinity),
  );
});

describe("Of one sticky event more is known", () => {
  const unread = event({ encryption: "undecryptable" });
  const nameless = event({ encryption: "decrypted" });
  const named = event({ encryption: "decrypted", senderDeviceId: "PHONE" });

  it.each([
    ["when it can be read", nameless, unread, true],
    ["when its device is known", named, nameless, true],
    ["not when it could be read already", unread, named, false],
    ["not when it can still not be read", unread, unread, false],
    ["not when its device was known already", nameless, named, false],
  ])("%s", (_, now_, before, isMore) => expect(saysMore(now_, before)).toBe(isMore));
});

describe("Of two sticky events with one key", () => {
  const wins = (a: Partial<StickyEvent>, b: Partial<StickyEvent>) => {
    expect(outranks(event(a), event(b))).toBe(true);
    expect(outranks(event(b), event(a))).toBe(false);
  };

  it("of one time the greater id wins (B1)", () => wins({ eventId: "$b" }, { eventId: "$a" }));

  it("ids are compared by code unit, without regard to language", () => wins({ eventId: "$a" }, { eventId: "$Z" }));

  it("the later end wins, be it of the older event (B2)", () => {
    wins({ originServerTs: now - 2000, durationMs: hourMs }, { originServerTs: now - 1000, durationMs: 60_000 });
  });

  it("no duration over an hour helps", () => {
    wins({ originServerTs: now, durationMs: hourMs }, { originServerTs: now - 1, durationMs: 2 * hourMs });
  });
});
