// A third person joins a running call: all decode each other.
import { threeInCall } from "../calls.ts";
import { type Scenario, timesOf } from "../scenario.ts";

export const scenario: Scenario = {
  name: "2. C joins: A, B and C all decode each other",
  async run(context) {
    const { a, b, c } = await threeInCall(context);
    const ofA = (await c.member(a.userId)).keyIndexes;
    const ofB = (await c.member(b.userId)).keyIndexes;
    return {
      "C after its join": timesOf((await c.look())!, await a.sender(), await b.sender()),
      "key indexes that C has": { "of A": ofA, "of B": ofB },
      "key indexes in use": { A: await a.ownKeyIndex(), B: await b.ownKeyIndex(), C: await c.ownKeyIndex() },
    };
  },
};
