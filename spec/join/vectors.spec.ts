// The behaviour vectors B13 and B14 of protocol.md 12.3: our membership when the server fails.
import { describe, it } from "vitest";
import { alice, inWords, marbles, scene, smooth } from "./scene.ts";

const words = { ...smooth, n: "joined, scheduling" };

describe("Our membership", () => {
  it(
    "is not written again when the delayed leave is gone right after the join: a new one is enough (B13)",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      cold("-----x").subscribe(() => home.loseDelayed(alice));
      expectObservable(requests$, "     ^ 20s !").toBe("C-D-W-R-D 4999ms R 4999ms R 4999ms R");
      expectObservable(inWords(join()), "^ 20s !").toBe("a-d-w-j-n-j", words);
    }),
  );

  it(
    "is probably gone when restarts hang for longer than the delay: traced once, with restarts every 2 s, and one when it is due (B14)",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      const timing = { delayedLeaveMs: 8_000 };
      cold("1s x").subscribe(() => home.injectFault({ request: "restart" }, { lose: "response", times: 4 }));
      expectObservable(requests$, "            ^ 16s !").toBe("C-D-W-R 4999ms R 1999ms R 999ms R 1999ms R 1999ms R");
      expectObservable(inWords(join({ timing })), "^ 16s !").toBe("a-d-w-j 7999ms p 4001ms j", words);
    }),
  );
});
