// A user enters the room after a sticky call began and cannot decrypt the earlier joins, so they are sent again.
import { allDecode, twoInCall } from "../calls.ts";
import { person } from "../person.ts";
import { inMode, type Scenario, timesOf } from "../scenario.ts";
import { assert } from "../until.ts";

const limitMs = 15_000;

export const scenario: Scenario = {
  name: "8. D enters the room after a sticky call began: all decode each other",
  async run(usual) {
    const context = inMode(usual, "matrix_2_0");
    const { a, b, link } = await twoInCall(context);
    const d = await context.enter(person(context.world, "D", link));
    const enteredTs = await d.enteredRoomTs();
    const since = () => Date.now() - enteredTs;
    for (const { userId } of [a, b]) {
      const name = userId.slice(1).split(":")[0]!;
      // oxlint-disable-next-line no-await-in-loop
      await d.tab.page.getByText("In the call:").filter({ hasText: name }).waitFor({ timeout: limitMs });
    }
    const seenMs = since();

    await d.join();
    const decoded = async (one: typeof a, other: typeof a): Promise<[string, number]> => {
      await one.decodes(other.userId, { frames: 1 });
      return [`${one.name} decodes ${other.name}`, since()];
    };
    const times = await Promise.all([decoded(d, a), decoded(d, b), decoded(a, d), decoded(b, d)]);
    const last = Math.max(...times.map(([, ms]) => ms));
    assert(last <= limitMs, `all decode each other after ${last} ms`);
    await allDecode(a, b, d);

    return {
      "after entering the room": { "D sees A and B ms": seenMs, ...Object.fromEntries(times) },
      "D after its join": timesOf((await d.look())!, await a.sender(), await b.sender()),
    };
  },
};
