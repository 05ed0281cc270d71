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
        const shown = () =>
          a.tab.page.evaluate(
            (userId) => document.querySelector(`article[data-user="${userId}"] .why`)?.textContent,
            member.userId,
          );
        await until("its tile says so", async () => (await shown())?.startsWith("Reconnecting"), 30_000);
        const saidMs = Date.now() - killTs;
        await until("its tile is gone", async () => (await a.see(member.userId)) === undefined, 60_000);
        return { saidMs, goneMs: Date.now() - killTs };
      };
      const plain = await goneAfter(false);
      const delegated = await goneAfter(true);
      return {
        "tile says that it is reconnecting after ms": plain.saidMs,
        "tile gone after ms": plain.goneMs,
        "with a delegated leave, tile says so after ms": delegated.saidMs,
        "and is gone after ms": delegated.goneMs,
      };
    }),
};
