import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { SentClock, sentClockOf } from "../../src/keys/sent-clock.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

it("key messages carry the time of the wall clock", () => {
  const clock = new SentClock();
  expect([clock.next(), clock.next()]).toEqual([1_000_000, 1_000_000]);
  vi.setSystemTime(1_000_500);
  expect(clock.next()).toBe(1_000_500);
});

it("a key message never looks older than the one before, though the wall clock was set back", () => {
  const clock = new SentClock();
  clock.next();
  vi.setSystemTime(955_000);
  expect([clock.next(), clock.next()]).toEqual([1_000_001, 1_000_002]);
  vi.setSystemTime(1_000_900);
  expect(clock.next()).toBe(1_000_900);
});

it("all joins of a session share one clock", () => {
  const [context, other] = [{}, {}];
  expect(sentClockOf(context)).toBe(sentClockOf(context));
  expect(sentClockOf(other)).not.toBe(sentClockOf(context));
});
