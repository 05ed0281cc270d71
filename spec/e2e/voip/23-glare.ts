// Two of ours call each other at once, ten times each way of crossing: always one call.
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { callers } from "./caller.ts";

/** In both cases of the specification, and with the second one pressing while it rings. */
const gaps = [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 0, 50, 100, 130, 160, 200, 300, 362, 400, 450];

export const scenario: Scenario = {
  name: "23. 1:1 calls of two of ours that cross: always one call, seen as one",
  async run(context) {
    const [a, b] = await callers(context, ["ours", "ours"], { answers: false });
    const outcomes: Record<string, number> = {};
    const times: number[] = [];
    for (const [round, gapMs] of gaps.entries()) {
      const [first, second] = round % 2 === 0 ? [a, b] : [b, a];
      const sinceTs = Date.now();
      const calling = first.call();
      await new Promise((resolve) => setTimeout(resolve, gapMs));
      await Promise.all([calling, second.call()]);
      await Promise.all([a.reached("connected", sinceTs), b.reached("connected", sinceTs)]);
      await Promise.all([a.decodes(), b.decodes()]);
      times.push(Math.max(await a.reached("connected", sinceTs), await b.reached("connected", sinceTs)) - sinceTs);
      const [ofA, ofB] = [await a.see(), await b.see()];
      assert(
        ofA.states.length === 1 && ofB.states.length === 1,
        `gap ${gapMs}: ${ofA.states.join()} | ${ofB.states.join()}`,
      );
      const seen = [...ofA.history, ...ofB.history].filter(({ ts }) => ts >= sinceTs);
      assert(!seen.some(({ state }) => state.startsWith("ended")), `gap ${gapMs}: somebody saw a call end`);
      const word = seen.some(({ state }) => state === "ringing")
        ? "rang"
        : seen.some(({ state }) => state === "answering")
          ? "crossed"
          : "first only";
      outcomes[word] = (outcomes[word] ?? 0) + 1;
      await first.hangUp();
      await until(
        "nobody has a call",
        async () => (await a.see()).states.length + (await b.see()).states.length === 0,
        5_000,
      );
    }
    return { rounds: gaps.length, outcomes, "both connected ms": times };
  },
};
