// In the mode `legacy` all publish on the SFU of the oldest member. It leaves, and the others move to that of the next one.
import { setTimeout as sleep } from "node:timers/promises";
import { startCrew } from "../../node-member/crew.ts";
import { allHear, unheard } from "../../node-member/node-member.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { withNodeMembers } from "../node/node-person.ts";

export const scenario: Scenario = {
  name: "67. The oldest member of a call in the mode legacy leaves: the others move to the SFU of the next one",
  isFederated: true,
  run: ({ world: { stack } }) =>
    withNodeMembers(async (own) => {
      const { homeserver, other } = stack;
      const crew = await startCrew({
        homeservers: [homeserver, other!.homeserver, other!.homeserver],
        mode: "legacy",
      });
      const [alice, bob, carl] = crew.map(own) as [(typeof crew)[0], (typeof crew)[0], (typeof crew)[0]];
      // The order of joining decides who is oldest.
      for (const member of [alice, bob, carl]) {
        // oxlint-disable-next-line no-await-in-loop
        await member.join();
        // oxlint-disable-next-line no-await-in-loop
        await sleep(1_000);
      }
      await until("all hear all", async () => allHear(crew, Date.now() - 1_000), 30_000);
      const before = Object.keys(carl.report.connections);
      assert(before.length === 1 && before[0] === stack.service, `Carl is connected to ${before.join(", ")}`);

      bob.tell({ command: "reset-gaps" });
      carl.tell({ command: "reset-gaps" });
      await sleep(500);
      const leaveTs = Date.now();
      await alice.leave();
      await until(
        "Bob and Carl are on the other SFU alone",
        async () => [bob, carl].every(({ report }) => Object.keys(report.connections).join() === other!.service),
        40_000,
      );
      const movedMs = Date.now() - leaveTs;
      await until(unheard([bob, carl], Date.now()), async () => allHear([bob, carl], Date.now() - 1_000), 20_000);
      const gaps = [bob.report.heard[carl.userId]!, carl.report.heard[bob.userId]!].map((one) => one.longestGapMs);
      return { "both have moved after ms": movedMs, "longest gap of Carl at Bob, Bob at Carl ms": gaps };
    }),
};
