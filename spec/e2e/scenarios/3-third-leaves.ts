// One of three hangs up: the others change to keys that it never gets, and no picture stops.
import { allDecode, threeInCall } from "../calls.ts";
import type { Person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const useDelayMs = 1_000;
const limitMs = useDelayMs + 3_000;
const longestGapMs = 2_000;

export const scenario: Scenario = {
  name: "3. C leaves: A and B change to keys that C never gets",
  async run(context) {
    const { a, b, c } = await threeInCall(context);
    await Promise.all([a.resetGaps(), b.resetGaps()]);
    const before = [await a.ownKeyIndex(), await b.ownKeyIndex()];
    const leftAt = performance.now();
    await c.leave();

    const changed = async (person: Person, index: number | undefined) => {
      await until(
        `${person.name} encrypts with a new key`,
        async () => (await person.see(c.userId)) === undefined && (await person.ownKeyIndex()) !== index,
        limitMs,
      );
      return Math.round(performance.now() - leftAt);
    };
    const [aMs, bMs] = await Promise.all([changed(a, before[0]), changed(b, before[1])]);
    await allDecode(a, b);
    const [aIndex, bIndex] = [await a.ownKeyIndex(), await b.ownKeyIndex()];
    assert((await a.member(b.userId)).keyIndexes.at(-1) === bIndex, "A lacks the new key of B");
    assert((await b.member(a.userId)).keyIndexes.at(-1) === aIndex, "B lacks the new key of A");

    const got = await c.keyMessages();
    const hasGot = ({ userId }: Person, index: number | undefined) =>
      got.some((message) => message.userId === userId && message.keyIndex === index);
    assert(got.length > 0, "the page of C has noted no key message");
    assert(!hasGot(a, aIndex) && !hasGot(b, bIndex), "C has a key that is in use after it left");
    const gaps = [(await a.member(b.userId)).longestGapMs, (await b.member(a.userId)).longestGapMs];
    assert(Math.max(...gaps) <= longestGapMs, `a gap of ${Math.max(...gaps)} ms`);

    return {
      "time to the new key": { "A ms": aMs, "B ms": bMs },
      "key indexes": { "A before": before[0], "A after": aIndex, "B before": before[1], "B after": bIndex },
      "C has got": { "of A": indexesOf(got, a), "of B": indexesOf(got, b) },
      "longest gap": { "A ms": gaps[0], "B ms": gaps[1] },
    };
  },
};

const indexesOf = (got: Awaited<ReturnType<Person["keyMessages"]>>, { userId }: Person) =>
  got.filter((message) => message.userId === userId).map(({ keyIndex }) => keyIndex);
