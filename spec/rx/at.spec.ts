import { asyncScheduler, map } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { at } from "../../src/rx/at.ts";
import { marbles } from "../support/marbles.ts";

describe("Waiting for a time", () => {
  it(
    "ends when the clock has reached it",
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
    "has no end without one",
    marbles(({ expectObservable }) => {
      expectObservable(at(undefined)).toBe("|");
      expectObservable(at(Infinity)).toBe("|");
    }),
  );

  it(
    "tells the time for which it waited",
    marbles(({ expectObservable }) => {
      expectObservable(at(3)).toBe("---(a|)", { a: 3 });
      expectObservable(at(-3)).toBe("(a|)", { a: -3 });
    }),
  );

  describe("on the clock of the platform", () => {
    afterEach(() => void vi.useRealTimers());

    it("lasts longer than any timer can (guarantee 27)", () => {
      vi.useFakeTimers({ now: 0 });
      const done = vi.fn();
      const ts = 100 * 24 * 3_600_000;
      at(ts).subscribe(done);
      vi.advanceTimersByTime(ts - 1);
      expect([vi.getTimerCount(), done.mock.calls.length]).toEqual([1, 0]);
      vi.advanceTimersByTime(1);
      expect([vi.getTimerCount(), done.mock.calls.length]).toEqual([0, 1]);
    });

    it("goes on when a timer comes before the time", () => {
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
