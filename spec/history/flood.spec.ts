// Histories of absurd size. If their cost grew with the square of it, each of these would take minutes.
import { type Observable, lastValueFrom, NEVER, of, take, takeWhile } from "rxjs";
import { describe, expect, it } from "vitest";
import { CallLog } from "../../src/history/call-log.ts";
import { type CallHistory, callHistory } from "../../src/history/index.ts";
import type { Matrix, PastEvent } from "../../src/matrix.ts";

const minuteMs = 60_000;
const memberType = "org.matrix.msc3401.call.member";
const joined = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };

const state = (sender: string, index: number, content: object, key = ""): PastEvent => ({
  type: memberType,
  sender,
  stateKey: `_${sender}_P_m.call${key}`,
  eventId: `$${index}`,
  originServerTs: 1e12 + index * minuteMs,
  encryption: "cleartext",
  content,
});

const timeline = (sender: string, index: number, type: string, content: object): PastEvent => ({
  type,
  sender,
  eventId: `$${index}`,
  originServerTs: 1e12 + index,
  encryption: "cleartext",
  content,
});

/** Reads a past, given oldest first, in pages of 1,000. */
function read(events: readonly PastEvent[]): Promise<CallHistory> {
  const newestFirst = events.toReversed();
  const matrix: Partial<Matrix> = {
    userId: "@me:example.org",
    changes$: NEVER,
    stateEvents: () => [],
    stateEvent: () => undefined,
    stickyEvents: () => [],
    olderEvents: (_, { from = "0", limit }) => {
      const end = Number(from) + limit;
      return of({ events: newestFirst.slice(Number(from), end), ...(end < events.length && { next: String(end) }) });
    },
  };
  const history$: Observable<CallHistory> = callHistory(matrix as Matrix, "!room", { pageSize: 1_000 });
  return lastValueFrom(
    history$.pipe(
      takeWhile(({ isComplete }) => !isComplete, true),
      take(1_000),
    ),
  );
}

describe("A history", () => {
  const count = 20_000;
  const indexes = Array.from({ length: count }, (_, index) => index);

  it("of 20,000 events of one device has 10,000 calls", async () => {
    const { calls } = await read(indexes.map((index) => state("@a:example.org", index, index % 2 ? {} : joined)));
    expect(calls).toHaveLength(count / 2);
  });

  it("of 20,000 calls that each overlap the next one is read, and one more event is cheap", () => {
    const log = new CallLog();
    const claim = (index: number) => ({ ...joined, call_id: `c${index}`, expires: 2 * minuteMs });
    for (const index of indexes) log.put(state("@a:example.org", index, claim(index), `c${index}`));
    expect(log.sessions).toHaveLength(count);
    for (const index of indexes.slice(0, 100)) {
      log.put(state("@a:example.org", count + index, claim(count + index), `c${count + index}`));
      expect(log.sessions).toHaveLength(count + index + 1);
    }
  });

  it("of 10,000 joins of somebody who was kicked 10,000 times has 10,000 calls", async () => {
    const { calls } = await read(
      indexes.map((index) =>
        index % 2
          ? {
              ...state("@a:example.org", index, { membership: "ban" }),
              type: "m.room.member",
              stateKey: "@a:example.org",
            }
          : state("@a:example.org", index, joined),
      ),
    );
    expect(calls).toHaveLength(count / 2);
  });

  it("of 10,000 rings and 10,000 declines of one call is read, and a decline counts for a few rings alone", async () => {
    const slot = "m.call#ROOM";
    const mentions = { user_ids: Array.from({ length: 10 }, (_, index) => `@u${index}:example.org`) };
    const ring = { slot_id: slot, sender_ts: 1e12, lifetime: 90_000, "m.mentions": mentions };
    const declineOf = (index: number) => ({ "m.relates_to": { rel_type: "m.reference", event_id: `$${index}` } });
    const { calls } = await read([
      ...indexes.slice(0, count / 2).map((index) => timeline("@a:example.org", index, "m.rtc.notification", ring)),
      ...indexes
        .slice(0, count / 2)
        .map((index) => timeline(`@d${index}:example.org`, count + index, "m.rtc.decline", declineOf(index))),
      state("@a:example.org", 1, joined),
    ]);
    expect(calls).toHaveLength(1);
    expect(calls[0]!.rings.length).toBeGreaterThan(1_000);
    for (const { outcomes } of calls[0]!.rings) expect(outcomes.size).toBeLessThan(25);
  });
});
