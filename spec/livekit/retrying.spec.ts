import { defer, of, switchMap, throwError, timer } from "rxjs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { retrying } from "../../src/livekit/retrying.ts";
import { MatrixError } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const network = new MatrixError("network", "no answer");

/** A request that fails so often with this error, and then succeeds. */
function failing(times: number, error: MatrixError) {
  let count = 0;
  return defer(() => ((count += 1) <= times ? throwError(() => error) : of("s")));
}

describe("a request that is repeated", () => {
  test(
    "waits 2, 4, 8 and 16 s",
    marbles(({ expectObservable }) => {
      expectObservable(failing(4, network).pipe(retrying())).toBe("30s (s|)");
      expectObservable(failing(5, network).pipe(retrying())).toBe("30s #", {}, network);
    }),
  );

  test("waits no longer if the wall clock is set back meanwhile", () => {
    vi.useFakeTimers();
    const done = vi.fn();
    failing(1, network).pipe(retrying()).subscribe(done);
    vi.advanceTimersByTime(1_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(1_000);
    expect(done).toHaveBeenCalledOnce();
  });

  test(
    "fails at once with a definite error",
    marbles(({ expectObservable }) => {
      const forbidden = new MatrixError("forbidden", "no");
      expectObservable(failing(1, forbidden).pipe(retrying())).toBe("#", {}, forbidden);
    }),
  );

  test(
    "waits as long as the server says, up to 30 s, and fails at once if that is longer",
    marbles(({ expectObservable }) => {
      const limit = (retryAfterMs: number) => new MatrixError("rate-limited", "slow down", { retryAfterMs });
      expectObservable(failing(1, limit(30_000)).pipe(retrying())).toBe("30s (s|)");
      expectObservable(failing(1, limit(30_001)).pipe(retrying())).toBe("#", {}, limit(30_001));
    }),
  );

  test(
    "is sent at once when the browser is online again, which does not count as one of the four waits",
    marbles(({ cold, expectObservable }) => {
      const target = new EventTarget();
      vi.stubGlobal("addEventListener", target.addEventListener.bind(target));
      vi.stubGlobal("removeEventListener", target.removeEventListener.bind(target));
      const requests$ = (times: number) => {
        const answer$ = failing(times, network);
        return timer(1).pipe(
          switchMap(() => answer$),
          retrying(),
        );
      };
      cold("                             ---o--o").subscribe(() => target.dispatchEvent(new Event("online")));
      expectObservable(requests$(2)).toBe("-------(s|)");
      expectObservable(requests$(6)).toBe("30011ms (s|)");
    }),
  );

  test(
    "has no listeners once it has succeeded",
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const changes$ = hot("-c-e", { c: [{ kind: "room", roomId: "!a" }] as const, e: [] });
      expectObservable(failing(1, network).pipe(retrying({ changes$ }))).toBe("---(s|)");
      expectSubscriptions(changes$.subscriptions).toBe("^--!");
    }),
  );
});

test("a request that is repeated does not need a browser", () => {
  expect(globalThis.addEventListener).toBeUndefined();
});
