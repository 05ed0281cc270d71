// Keys change while media flows, and the decoded frames have no gap. A third person joins and leaves, without media.
import { setTimeout as sleep } from "node:timers/promises";
import { threeInCall } from "../calls.ts";
import { type Gaps, gapsAround, recordFrames } from "../frame-times.ts";
import type { Person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

/** Longer than the default of `RotationPolicy`, so that a join makes a new key. */
const graceMs = 10_000 + 1_000;
/** The default of `RotationPolicy`, minus the time to install a key. */
const inTimeMs = 1_000 - 200;
const wanted = 4;
const maxRounds = 6;
const limitMs = 500;

export const scenario: Scenario = {
  name: "10. A and B change their keys while media flows: no gap in the decoded frames",
  async run(context) {
    const { a, b, c } = await threeInCall(context);
    await c.turnOff("Mic");
    await c.turnOff("Camera");
    await changed(() => c.leave(), a, b);

    const records = await Promise.all([recordFrames(b, a), recordFrames(a, b)]);
    const switches: Switch[] = [];
    const change = async (act: () => Promise<void>) => {
      const times = await changed(act, a, b);
      // Media flows between the changes.
      await sleep(3_000);
      const keyAges = [(await b.member(a.userId)).keyAgeMs ?? 0, (await a.member(b.userId)).keyAgeMs ?? 0];
      switches.push({ times, keyAges });
    };
    for (let round = 0; round < maxRounds && switches.filter(isInTime).length < wanted; round += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await sleep(graceMs);
      // oxlint-disable-next-line no-await-in-loop
      await change(() => c.join());
      // oxlint-disable-next-line no-await-in-loop
      await change(() => c.leave());
    }
    const inTime = switches.filter(isInTime);
    assert(inTime.length >= wanted, `only ${inTime.length} of ${switches.length} changes had their keys in time`);
    const directions = await Promise.all(
      records.map(async (frames, of) => {
        const times = await frames();
        const instants = switches.map((one) => one.times[of]!);
        return { gaps: gapsAround(times, instants), keyAges: switches.map(({ keyAges }) => keyAges[of]!) };
      }),
    );
    for (const { gaps } of directions) {
      const longest = Math.max(...gaps.atSwitches.filter((_, at) => isInTime(switches[at]!)));
      assert(longest <= limitMs, `a gap of ${longest} ms at a change of keys: ${JSON.stringify(directions)}`);
    }
    return {
      "changes with their keys in time": `${inTime.length} of ${switches.length}`,
      "A at B": figures(directions[0]!),
      "B at A": figures(directions[1]!),
    };
  },
};

/** A change of keys: when A and B began to use their new keys, and how long these took to reach the other. */
interface Switch {
  readonly times: readonly number[];
  readonly keyAges: readonly number[];
}

/** If a key is late for its first frame, the picture stops until the next key frame. That is the machine, not the library. */
const isInTime = ({ keyAges }: Switch): boolean => keyAges.every((ageMs) => ageMs <= inTimeMs);

/** Does something that makes both change their keys. Resolves with the times of the changes. */
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

const figures = ({ gaps, keyAges }: { readonly gaps: Gaps; readonly keyAges: readonly number[] }) => ({
  frames: gaps.frames,
  "longest gap at each change ms": gaps.atSwitches,
  "its key under way ms": keyAges,
  "longest gap elsewhere ms": gaps.elsewhere.longest,
  "median ms": gaps.elsewhere.median,
});
