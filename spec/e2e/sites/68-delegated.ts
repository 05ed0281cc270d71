// Two members are killed. The delayed leave of one of them was delegated to the authorisation service.
import { person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { nodePerson, withNodeMembers } from "../node/node-person.ts";

export const scenario: Scenario = {
  name: "68. Members with and without a delegated delayed leave are killed",
  run: (context) =>
    withNodeMembers(async (own) => {
      const { world, enter } = context;
      const a = await enter(person(world, "A"));
      const link = await a.createRoom();
      await a.join();
      const goneAfter = async (isDelegated: boolean) => {
        const member = own(await nodePerson(world, isDelegated ? "Delegated" : "Plain", link, { isDelegated }));
        await member.join();
        await a.decodes(member.userId);
        await until("its delayed leave is armed", async () => member.report.delayedLeave === "armed", 20_000);
        const killTs = Date.now();
        member.kill();
        await until("its tile is gone", async () => (await a.see(member.userId)) === undefined, 60_000);
        return Date.now() - killTs;
      };
      const plainMs = await goneAfter(false);
      return { "tile gone after ms": plainMs, "with a delegated leave ms": await goneAfter(true) };
    }),
};
