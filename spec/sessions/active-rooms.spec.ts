import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ActiveRooms } from "../../src/sessions/active-rooms.ts";
import { projectNow } from "../../src/membership/projection.ts";
import { endsAfter } from "../membership/oracle.ts";
import { Play } from "../membership/play.ts";
import { roomCall, roomId } from "../support/contents.ts";
import { history } from "../support/history.ts";
import { runs } from "../support/properties.ts";

const rules = { slot: roomCall, strictSlots: false, requireSlotEncryption: false };

describe("ActiveRooms", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  it("has a room for exactly as long as its call has members, after any history", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(history(12), (batches) => {
        vi.clearAllTimers();
        vi.setSystemTime(0);
        const play = new Play(batches.flat(), false);
        const calls = new ActiveRooms(play.client, rules);
        const check = (now: number) => {
          const { members } = projectNow(play.client, { ...rules, roomId }, now).fold;
          if (!calls.has(roomId)) calls.check(roomId);
          expect(calls.has(roomId)).toBe(members.length > 0);
        };
        for (const batch of batches) {
          play.batch(batch.filter(({ kind }) => kind !== "wait"));
          check(play.now);
          const untilTs = batch.reduce((ts, fact) => (fact.kind === "wait" ? ts + fact.ms : ts), play.now);
          for (const ts of [...endsAfter(play.log, play.now), untilTs]) {
            if (ts > untilTs) continue;
            vi.advanceTimersByTime(ts - play.now);
            play.until(ts);
            const wasActive = calls.has(roomId);
            const { members } = projectNow(play.client, { ...rules, roomId }, ts).fold;
            if (wasActive) expect(members.length).toBeGreaterThan(0);
            check(ts);
          }
        }
        calls.close();
        expect([play.client.listeners, vi.getTimerCount()]).toEqual([0, 0]);
      }),
      { numRuns: runs(2000) },
    );
  });
});
