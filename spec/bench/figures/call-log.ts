// callLog: the calls of a room with 10,000 membership events, and one more event afterwards.
import { CallLog } from "../../../src/history/call-log.ts";
import type { PastEvent } from "../../../src/matrix.ts";
import type { Figure } from "../figure.ts";
import { type Effort, inTurns } from "../measure.ts";

const users = 50;
const minuteMs = 60_000;

/** Everybody joins, then everybody leaves, again and again: an event each minute. */
const eventAt = (index: number): PastEvent => {
  const sender = `@user${index % users}:example.org`;
  const isJoin = Math.floor(index / users) % 2 === 0;
  const joined = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };
  return {
    type: "org.matrix.msc3401.call.member",
    sender,
    stateKey: `_${sender}_P_m.call`,
    eventId: `$${index}`,
    originServerTs: 1e12 + index * minuteMs,
    encryption: "cleartext",
    content: isJoin ? joined : {},
  };
};

const count = 10_000;

export async function callLog({ turns }: Effort): Promise<Figure[]> {
  let log = new CallLog();
  let next = count;
  const all = await inTurns(turns, {
    ours: () => {
      const events = Array.from({ length: count }, (_, index) => eventAt(count - 1 - index));
      log = new CallLog();
      next = count;
      return elapsed(() => events.forEach((event) => log.put(event)));
    },
  });
  const each = await inTurns(turns, { ours: () => elapsed(() => log.put(eventAt(next++))) });
  return [
    { ...all, name: "callLog", what: "the calls of 10,000 events, newest first", unit: "ms", goal: { atMost: 50 } },
    { ...each, name: "callLogLive", what: "one more event after that", unit: "ms", goal: { atMost: 1 } },
  ];

  function elapsed(put: () => void): number {
    const start = performance.now();
    put();
    if (log.sessions.length === 0) throw new Error("no calls");
    return performance.now() - start;
  }
}
