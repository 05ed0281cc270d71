import { asyncScheduler, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SteadyClock } from "../../src/rx/steady-clock.ts";
import { steadyTime } from "../../src/rx/steady-time.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";

describe("A SteadyClock", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 10_000 }));
  afterEach(() => void vi.useRealTimers());

  it("begins with the wall clock, and goes on however that is set", () => {
    const clock = new SteadyClock();
    expect(clock.now()).toBe(10_000);
    vi.advanceTimersByTime(5_000);
    vi.setSystemTime(1_000);
    expect(clock.now()).toBe(15_000);
    vi.setSystemTime(3_600_000);
    vi.advanceTimersByTime(1_000);
    expect(clock.now()).toBe(16_000);
  });

  it("has reached the time of a timer that has fired, though a little early", () => {
    const clock = new SteadyClock();
    vi.advanceTimersByTime(4_999);
    clock.reached(15_000);
    expect(clock.now()).toBe(15_000);
    vi.advanceTimersByTime(2);
    expect(clock.now()).toBe(15_001);
  });
});

describe("Steady time", () => {
  it(
    "is virtual time under a TestScheduler, and on a virtual device the time by which its timers count",
    marbles(({ cold, expectObservable }) => {
      const phone = virtualHomeserver().device("@alice:example.org", "PHONE");
      const seen: string[] = [];
      const look = () => seen.push(`${asyncScheduler.now()} ${steadyTime.now()}`);
      timer(1_000).subscribe(() => {
        look();
        phone.setClock(5_000);
        phone.run(look);
        phone.sleep();
      });
      timer(3_000).subscribe(() => {
        phone.wake();
        phone.run(look);
        phone.sleep("paused");
      });
      timer(7_000).subscribe(() => {
        phone.wake();
        phone.run(look);
        look();
      });
      timer(8_000).subscribe(() =>
        expect(seen).toEqual(["1000 1000", "6000 1000", "8000 3000", "12000 3000", "7000 7000"]),
      );
      expectObservable(cold("8001ms (x|)")).toBe("8001ms (x|)");
    }),
  );
});
