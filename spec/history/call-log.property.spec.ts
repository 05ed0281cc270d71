// The log of calls against a naive oracle, on random histories. protocol.md 9.2 to 9.4.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallLog } from "../../src/history/call-log.ts";
import type { PastEvent } from "../../src/matrix.ts";
import { runs } from "../support/properties.ts";
import { callsOf } from "./oracle.ts";
import { histories } from "./random.ts";

const intervals = (log: CallLog) => log.sessions.map(({ startTs, endTs }) => ({ startTs, endTs }));

const logOf = (events: Iterable<PastEvent>): CallLog => {
  const log = new CallLog();
  for (const event of events) log.put(event);
  return log;
};

describe("The log of calls", () => {
  it("has the calls of the oracle, for 10,000 random histories", () => {
    fc.assert(
      fc.property(histories, (events) => {
        expect(intervals(logOf(events))).toEqual(callsOf(events));
      }),
      { numRuns: runs(10_000) },
    );
  });

  it("is the same in whatever order and pages the events come, and in one step or many", () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.nat()), (events, order) => {
        const shuffled = events
          .map((event) => ({ event, rank: order.next().value as number }))
          .toSorted((a, b) => a.rank - b.rank);
        const log = new CallLog();
        for (const { event } of shuffled) {
          log.put(event);
          void log.sessions;
        }
        expect(log.sessions).toEqual(logOf(events).sessions);
      }),
      { numRuns: runs(1_000) },
    );
  });

  it("keeps the objects of calls that did not change", () => {
    fc.assert(
      fc.property(histories, (events) => {
        const log = logOf(events.slice(0, -1));
        const before = log.sessions;
        const last = events.at(-1);
        if (last) log.put(last);
        for (const session of log.sessions) {
          const same = before.find((known) => JSON.stringify(known) === JSON.stringify(session));
          if (same) expect(session).toBe(same);
        }
      }),
      { numRuns: runs(1_000) },
    );
  });
});
