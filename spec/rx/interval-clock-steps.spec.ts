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

  it("does not run backwards while the wall clock is behind", () => {
    const clock = new IntervalClock();
    expect(clock.now()).toBe(10_000);
    vi.setSystemTime(4_000);
    expect(clock.now()).toBe(10_000);
  });
});
