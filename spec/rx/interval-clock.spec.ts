import { asyncScheduler } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { IntervalClock } from "../../src/rx/interval-clock.ts";

/** What a clock shows for each time of the wall clock, in seconds. */
function shown(...wall: readonly number[]): readonly number[] {
  const clock = new IntervalClock();
  return wall.map((seconds) => {
    vi.spyOn(asyncScheduler, "now").mockReturnValue(seconds * 1_000);
    return clock.now() / 1_000;
  });
}

afterEach(() => vi.restoreAllMocks());

describe("An interval clock", () => {
  it("follows the wall clock, also when that is set forward", () => {
    expect(shown(100, 101, 7_200)).toEqual([100, 101, 7_200]);
  });

  it("never runs backwards, and goes on from there when the wall clock was set back", () => {
    expect(shown(100, 40, 41, 79)).toEqual([100, 100, 101, 139]);
  });

  it("waits for a wall clock that was set back by less than a timer may be early", () => {
    expect(shown(100, 99.96, 99.99, 100.5)).toEqual([100, 100, 100, 100.5]);
  });

  it("knows at a timer how long it has waited, whatever the wall clock says", () => {
    vi.spyOn(asyncScheduler, "now").mockReturnValue(100_000);
    const clock = new IntervalClock();
    clock.now();
    vi.spyOn(asyncScheduler, "now").mockReturnValue(45_000);
    clock.reached(105_000);
    expect([clock.now(), clock.aheadMs]).toEqual([105_000, 60_000]);
  });
});
