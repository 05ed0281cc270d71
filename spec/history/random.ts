// Random histories: devices that join, refresh, leave, crash and leave the room, in each format.
import fc from "fast-check";
import type { PastEvent } from "../../src/matrix.ts";

const minuteMs = 60_000;
const users = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];

interface Step {
  readonly userId: string;
  readonly format: "state" | "sticky" | "draft";
  readonly act: "join" | "refresh" | "leave" | "kick";
  readonly waitMs: number;
  readonly forMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  userId: fc.constantFrom(...users),
  format: fc.constantFrom("state", "sticky", "draft"),
  act: fc.constantFrom("join", "refresh", "leave", "leave", "kick"),
  waitMs: fc.integer({ min: 1, max: 90 }).map((minutes) => minutes * minuteMs),
  forMs: fc.integer({ min: 1, max: 60 }).map((minutes) => minutes * minuteMs),
});

/** The events of a history, oldest first. */
export const histories: fc.Arbitrary<readonly PastEvent[]> = fc.array(step, { maxLength: 25 }).map(eventsOf);

export function eventsOf(steps: readonly Step[]): readonly PastEvent[] {
  let ts = 1_000_000_000;
  /** When the running stay of each state key began, and how long it lasts. */
  const running = new Map<string, { startTs: number; untilTs: number }>();
  return steps.map(({ userId, format, act, waitMs, forMs }, index): PastEvent => {
    ts += waitMs;
    const common = { sender: userId, eventId: `$${String(index).padStart(6, "0")}`, originServerTs: ts } as const;
    const event = { ...common, encryption: "cleartext" } as const;
    if (act === "kick") {
      running.delete(userId);
      return { ...event, type: "m.room.member", stateKey: userId, content: { membership: "leave" } };
    }
    if (format === "sticky") {
      const base = { slot_id: "m.call#ROOM", sticky_key: "one" };
      const joined = {
        ...base,
        application: { type: "m.call" },
        member: { id: "one", user_id: userId, device_id: "PHONE" },
      };
      const type = "org.matrix.msc4143.rtc.member";
      return { ...event, type, content: act === "leave" ? base : joined, durationMs: forMs };
    }
    if (format === "draft") {
      const stateKey = JSON.stringify([userId, "PHONE"]);
      const content = act === "leave" ? {} : { "m.application": "m.call", "m.call_id": "" };
      return { ...event, type: "m.rtc.member", stateKey, content };
    }
    const before = running.get(userId);
    const isRefresh = act === "refresh" && before !== undefined && before.untilTs > ts;
    const startTs = isRefresh ? before.startTs : ts;
    const expires = ts - startTs + forMs;
    if (act === "leave") running.delete(userId);
    // As in matrix-js-sdk, no membership is believed for longer than a day.
    else if (expires < 86_400_000) running.set(userId, { startTs, untilTs: ts + forMs });
    const joined = {
      application: "m.call",
      call_id: "",
      device_id: "PHONE",
      focus_active: { type: "livekit" },
      expires: Math.min(expires, 86_400_000),
      ...(isRefresh && { created_ts: startTs }),
    };
    const type = "org.matrix.msc3401.call.member";
    return { ...event, type, stateKey: `_${userId}_PHONE_m.call`, content: act === "leave" ? {} : joined };
  });
}
