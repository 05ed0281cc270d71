// A page is killed: its delayed leave on the server removes its member.
import { twoInCall } from "../calls.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";

/** The default of `JoinOptions`. */
const delayedLeaveMs = 18_000;
const limitMs = delayedLeaveMs + 5_000;

export const scenario: Scenario = {
  name: "4. B is killed: the server's delayed leave removes it",
  async run(context) {
    const { a, b } = await twoInCall(context);
    const before = await a.ownKeyIndex();
    const killedAt = performance.now();
    const since = () => Math.round(performance.now() - killedAt);
    await b.tab.kill();
    await until("B is gone from A's members", async () => (await a.see(b.userId)) === undefined, limitMs);
    const goneMs = since();
    await until("A changes its key", async () => (await a.ownKeyIndex()) !== before, 4_000);
    return {
      "gone from membership$ after ms": goneMs,
      "new key after ms": since(),
      "delayed leave ms": delayedLeaveMs,
    };
  },
};
