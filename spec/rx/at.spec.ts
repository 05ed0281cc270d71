import { asyncScheduler, map } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { after, at, maxWaitMs } from "../../src/rx/at.ts";
import { marbles } from "../support/marbles.ts";

describe("at", () => {
  it(
    "emits once the clock has reached the time",
    marbles(({ cold, expectObservable }) => {
      const letter = map(() => "t");
      expectObservable(at(3).pipe(letter)).toBe("                    ---(t|)");
      expectObservable(at(3).pipe(letter), "                      --^----!").toBe("---(t|)");
      expectObservable(at(3).pipe(letter), "                    -----^--!").toBe("-----(t|)");
      expectObservable(at(0).pipe(letter)).toBe("                    (t|)");
      expectObservable(at(-5).pipe(letter)).toBe("                   (t|)");
      expectObservable(cold("     a", { a: at(2) }), "           ^-!").toBe("a", { a: expect.anything() });
    }),
  );

  it(
    "completes at once without a time",
    marbles(({ expectObservable }) => {
      expectObservable(at(undefined)).toBe("|");
      expectObservable(at(Infinity)).toBe("|");
    }),
  );

  it(
    "emits the time that it waited for",
    marbles(({ expectObservable }) => {
      expectObservable(at(3)).toBe("---(a|)", { a: 3 });
      expectObservable(at(-3)).toBe("(a|)", { a: -3 });
    }),
  );

  describe("on the clock of the platform", () => {
    afterEach(() => void vi.useRealTimers());

    it("waits longer than a timer of the platform can (guarantee 27)", () => {
      vi.useFakeTimers({ now: 0 });
      const done = vi.fn();
      const ts = 100 * 24 * 3_600_000;
      at(ts).subscribe(done);
      vi.advanceTimersByTime(ts - 1);
      expect([vi.getTimerCount(), done.mock.calls.length]).toEqual([1, 0]);
      vi.advanceTimersByTime(1);
      expect([vi.getTimerCount(), done.mock.calls.length]).toEqual([0, 1]);
    });

    it("is late by 30 s at most after a sleep of the machine that timers do not count", () => {
      vi.useFakeTimers({ now: 0 });
      const done = vi.fn();
      at(7_200_000).subscribe(done);
      vi.advanceTimersByTime(100_000);
      vi.setSystemTime(100_000 + 7_200_000);
      vi.advanceTimersByTime(maxWaitMs);
      expect([vi.getTimerCount(), done.mock.calls]).toEqual([0, [[7_200_000]]]);
    });

    it("waits on if the timer fires before the time", () => {
      vi.useFakeTimers({ now: 0 });
      const done = vi.fn();
      at(100).subscribe(done);
      vi.setSystemTime(-50);
      vi.advanceTimersByTime(100);
      expect(done).not.toHaveBeenCalled();
      vi.advanceTimersByTime(50);
      expect(done).toHaveBeenCalledOnce();
      expect(asyncScheduler.now()).toBe(100);
    });

    it("leaves no timer behind", () => {
      vi.useFakeTimers({ now: 0 });
      at(100).subscribe().unsubscribe();
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});

describe("after", () => {
  afterEach(() => void vi.useRealTimers());

  it(
    "emits once the time has passed, and never after Infinity",
    marbles(({ expectObservable }) => {
      expectObservable(after(3).pipe(map(() => "t"))).toBe("---(t|)");
      expectObservable(after(3).pipe(map(() => "t")), "     --^----!").toBe("-----(t|)");
      expectObservable(after(Infinity)).toBe("             |");
    }),
  );

  it("is not late by a wall clock that is set back, and counts a sleep", () => {
    vi.useFakeTimers({ now: 3_600_000 });
    const done = vi.fn();
    after(10_000).subscribe(done);
    vi.advanceTimersByTime(5_000);
    vi.setSystemTime(0);
    vi.advanceTimersByTime(4_999);
    expect(done).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(done).toHaveBeenCalledOnce();

    after(2 ** 31 + 10_000).subscribe(done);
    vi.setSystemTime(2 ** 31);
    vi.advanceTimersByTime(2 ** 31 - 1);
    expect(done).toHaveBeenCalledTimes(2);
  });
});
