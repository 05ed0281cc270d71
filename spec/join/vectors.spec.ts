// The behaviour vectors B13 and B14 of protocol.md 12.3: what becomes of our membership when the server fails us.
import { describe, it } from "vitest";
import { alice, inWords, marbles, scene, smooth } from "./scene.ts";

const words = { ...smooth, n: "joined, scheduling" };

describe("our membership", () => {
  it(
    "is not written again when the delayed leave is gone right after the join: a new one is enough (B13)",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      cold("-----x").subscribe(() => home.loseDelayed(alice));
      expectObservable(requests$, "     ^ 20s !").toBe("c-d-w-r-d 4999ms r 4999ms r 4999ms r");
      expectObservable(inWords(join()), "^ 20s !").toBe("a-d-w-j-n-j", words);
    }),
  );

  it(
    "is probably gone, and that is told once, when restarts hang for longer than the delay; they go on every 2 s (B14)",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      const options = { delayedLeaveMs: 8_000 };
      cold("1s x").subscribe(() => home.injectFault({ request: "restart" }, { lose: "response", times: 4 }));
      expectObservable(requests$, "            ^ 16s !").toBe("c-d-w-r 4999ms r 1999ms r 1999ms r 1999ms r 1999ms r");
      expectObservable(inWords(join(options)), "^ 16s !").toBe("a-d-w-j 7999ms p 5001ms j", words);
    }),
  );
});
