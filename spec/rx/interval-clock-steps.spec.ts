import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { IntervalClock } from "../../src/rx/interval-clock.ts";

describe("An IntervalClock whose wall clock is set", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 10_000 }));
  afterEach(() => void vi.useRealTimers());

  it("is the wall clock, also after that jumps forward", () => {
    const clock = new IntervalClock();
    expect([clock.now(), clock.aheadMs]).toEqual([10_000, 0]);
    vi.setSystemTime(50_000);
    clock.reached(20_000);
    expect([clock.now(), clock.aheadMs]).toEqual([50_000, 0]);
  });

  it("takes a timer that fires 50 ms early for punctual, and one that fires earlier for a clock that was set back", () => {
    const clock = new IntervalClock();
    clock.reached(10_050);
    expect([clock.now(), clock.aheadMs]).toEqual([10_000, 0]);
    clock.reached(10_051);
    expect([clock.now(), clock.aheadMs]).toEqual([10_051, 51]);
  });

  it("stays ahead by as much as the wall clock was set back, however many timers fire later", () => {
    const clock = new IntervalClock();
    vi.setSystemTime(4_000);
    clock.reached(10_000);
    expect([clock.now(), clock.aheadMs]).toEqual([10_000, 6_000]);
    vi.setSystemTime(5_000);
    clock.reached(11_000);
    expect([clock.now(), clock.aheadMs]).toEqual([11_000, 6_000]);
    vi.setSystemTime(4_500);
    clock.reached(12_000);
    expect([clock.now(), clock.aheadMs]).toEqual([12_000, 7_500]);
  });

  it.each([
    ["long before the next reading", 60_000],
    ["just before it", 0],
  ])("back %s, knows from steady time how long nobody has read it", (_, passesMs) => {
    const clock = new IntervalClock();
    clock.now();
    vi.advanceTimersByTime(90_000 - passesMs);
    vi.setSystemTime(3_000);
    vi.advanceTimersByTime(passesMs);
    expect([clock.now(), clock.aheadMs]).toEqual([100_000, 97_000 - passesMs]);
  });

  it("back and back by little, loses 250 ms in all", () => {
    const clock = new IntervalClock();
    clock.now();
    for (let times = 0; times < 100; times += 1) {
      vi.advanceTimersByTime(1_000);
      vi.setSystemTime(Date.now() - 45);
      expect(clock.now()).toBeGreaterThanOrEqual(10_000 + performance.now() - 250);
    }
  });

  it("by nobody is read as it is, in browsers that round both clocks to 100 ms, each in its way", () => {
    const clock = new IntervalClock();
    const steady = vi.spyOn(performance, "now");
    for (let ms = 0; ms < 5_000; ms += 7) {
      vi.setSystemTime(10_000 + ms - (ms % 100));
      steady.mockReturnValue(ms + 50 - ((ms + 50) % 100) + (ms % 3 === 0 ? 100 : 0));
      clock.now();
    }
    expect(clock.aheadMs).toBe(0);
  });

  it("does not run backwards while the wall clock is behind", () => {
    const clock = new IntervalClock();
    expect(clock.now()).toBe(10_000);
    vi.setSystemTime(4_000);
    expect(clock.now()).toBe(10_000);
  });
});
