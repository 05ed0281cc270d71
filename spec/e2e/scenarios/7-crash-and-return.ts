// A page is killed and opened again before the server notices: its device is still a member, and has no keys.
import { allDecode, twoInCall } from "../calls.ts";
import { type Scenario, timesOf } from "../scenario.ts";

const limitMs = 10_000;

export const scenario: Scenario = {
  name: "7. A is killed and returns at once: both decode each other again",
  async run(context) {
    const { a, b } = await twoInCall(context);
    const startedAt = performance.now();
    await a.tab.killAndReturn();
    await Promise.all([a.decodes(b.userId, { withinMs: limitMs }), b.decodes(a.userId, { withinMs: limitMs })]);
    const decodedMs = Math.round(performance.now() - startedAt);
    await allDecode(a, b);
    return { "both decode after ms": decodedMs, "A after its new join": timesOf((await a.look())!, await b.sender()) };
  },
};
