// Keys change while media flows: no gap over it in the decoded frames. A third one comes and goes, without media.
import { setTimeout as sleep } from "node:timers/promises";
import { threeInCall } from "../calls.ts";
import { type Gaps, gapsAround, recordFrames } from "../frame-times.ts";
import type { Person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

/** The default of `RotationPolicy`, and some more: then a join makes a new key. */
const graceMs = 10_000 + 1_000;
const rounds = 2;
const limitMs = 500;

export const scenario: Scenario = {
  name: "10. A and B change their keys while media flows: no gap in the decoded frames",
  async run(stage) {
    const { a, b, c } = await threeInCall(stage);
    await c.turnOff("Mic");
    await c.turnOff("Camera");
    await changed(() => c.leave(), a, b);

    const records = await Promise.all([recordFrames(b, a), recordFrames(a, b)]);
    const switches: number[][] = [];
    for (let round = 0; round < rounds; round += 1) {
      // Media flows between the changes.
      // oxlint-disable-next-line no-await-in-loop
      await sleep(graceMs);
      // oxlint-disable-next-line no-await-in-loop
      switches.push(await changed(() => c.join(), a, b));
      // oxlint-disable-next-line no-await-in-loop
      await sleep(3_000);
      // oxlint-disable-next-line no-await-in-loop
      switches.push(await changed(() => c.leave(), a, b));
    }
    await sleep(3_000);
    const gaps = await Promise.all(
      records.map(async (frames, of) =>
        gapsAround(
          await frames(),
          switches.map((times) => times[of]!),
        ),
      ),
    );
    for (const { atSwitches, elsewhere } of gaps) {
      const longest = Math.max(...atSwitches);
      // A machine that stalls without any change of keys says nothing.
      assert(longest <= Math.max(limitMs, elsewhere.longest), `a gap of ${longest} ms at a change of keys`);
    }
    return { "A at B": figures(gaps[0]!), "B at A": figures(gaps[1]!) };
  },
};

/** Does something that makes both change their keys; when each did, by the clock. */
async function changed(act: () => Promise<void>, ...people: readonly Person[]): Promise<number[]> {
  const before = await Promise.all(people.map((person) => person.ownKeyIndex()));
  await act();
  return Promise.all(
    people.map((person, at) =>
      until(
        `${person.name} encrypts with a new key`,
        async () => (await person.ownKeyIndex()) !== before[at] && Date.now(),
        15_000,
      ),
    ),
  );
}

const figures = ({ frames, atSwitches, elsewhere }: Gaps) => ({
  frames,
  "longest gap at each change ms": atSwitches,
  "elsewhere longest ms": elsewhere.longest,
  "elsewhere median ms": elsewhere.median,
});
