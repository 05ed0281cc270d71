// Element Call and our library in one call: each mode of ours with each mode of Element Call.
import { joinRoom, register } from "../account.ts";
import { type Person, person } from "../person.ts";
import { inMode, type Figures, type Scenario, type ScenarioContext, timesOf } from "../scenario.ts";
import { until } from "../until.ts";
import { type ElementCallMode, elementCall } from "./element-call.ts";

const pairs: readonly (readonly [ours: string, theirs: ElementCallMode])[] = [
  ["compatibility", "compatibility"],
  ["compatibility", "matrix_2_0"],
  ["matrix_2_0", "compatibility"],
  ["matrix_2_0", "matrix_2_0"],
];

export const scenario: Scenario = {
  name: "70. Element Call and our members decode each other, before and after each changes its key",
  async run(context) {
    const figures: Record<string, Figures> = {};
    for (const [ours, theirs] of pairs) figures[`${ours} with ${theirs}`] = await together(context, ours, theirs);
    return figures;
  },
};

async function together(context: ScenarioContext, ours: string, theirs: ElementCallMode): Promise<Figures> {
  const { world, enter } = inMode(context, ours);
  const a = await enter(person(world, "A"));
  const link = await a.createRoom();
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  const c = await enter(person(world, "C", link));
  const account = await register(world.stack.homeserver, "element");
  await joinRoom(account, roomId);
  const element = await enter(elementCall(world, account, roomId, { mode: theirs }));
  await a.join();
  const startedAt = performance.now();
  const since = () => Math.round(performance.now() - startedAt);
  await element.start();
  await a.decodes(account.userId, { withinMs: 60_000 });
  const weDecodeMs = since();
  await element.decodes(1);
  const theyDecodeMs = since();

  const indexesOf = async (one: Person) => ({
    ours: await one.ownKeyIndex(),
    theirs: (await one.see(account.userId))?.keyIndexes.at(-1),
  });
  await c.join();
  await Promise.all([c.decodes(account.userId), c.decodes(a.userId), a.decodes(c.userId), element.decodes(2)]);
  const { identity } = await c.member(account.userId);
  const timesOfC = timesOf((await c.look())!, await a.sender(), { name: "Element Call", identity, ownKeysTs: [] });
  const before = await indexesOf(a);
  await c.leave();
  const after = await until(
    "both have changed their keys",
    async () => {
      const now = await indexesOf(a);
      return now.ours !== before.ours && now.theirs !== before.theirs && now;
    },
    20_000,
  );
  await Promise.all([a.decodes(account.userId), element.decodes(1)]);
  await Promise.all([a.tab.close(), c.tab.close(), element.close()]);
  return { weDecodeMs, theyDecodeMs, "C after its join": timesOfC, before, after };
}
