// A page dies and is opened again before the server has noticed: the same device is a member already, and has no keys.
import { allDecode, twoInCall } from "../calls.ts";
import { type Scenario, timesOf } from "../scenario.ts";

const limitMs = 10_000;

export const scenario: Scenario = {
  name: "7. A dies and returns at once: both decode each other again",
  async run(stage) {
    const { a, b } = await twoInCall(stage);
    const startedAt = performance.now();
    await a.visitor.killAndReturn();
    await Promise.all([a.decodes(b.userId, { withinMs: limitMs }), b.decodes(a.userId, { withinMs: limitMs })]);
    const decodedMs = Math.round(performance.now() - startedAt);
    await allDecode(a, b);
    return { "both decode after ms": decodedMs, "A after its new join": timesOf((await a.look())!) };
  },
};
