// Tokens last 20 s, and the call lasts longer. Nobody reconnects; after a restart of the SFU the newest token is used.
import { setTimeout as sleep } from "node:timers/promises";
import { startCrew } from "../../node-member/crew.ts";
import { allHear } from "../../node-member/node-member.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { withNodeMembers } from "../node/node-person.ts";

const ttlS = 20;
const callMs = 50_000;

export const scenario: Scenario = {
  name: "69. Tokens lapse in a call: nobody reconnects, and the next connection uses a newer one",
  run: ({ world: { stack, mode } }) =>
    withNodeMembers(async (own) => {
      const before = stack.tokens.ttlS;
      stack.tokens.ttlS = ttlS;
      try {
        const crew = (await startCrew({ homeservers: [stack.homeserver, stack.homeserver], mode })).map(own);
        await Promise.all(crew.map((member) => member.join()));
        await until("both hear each other", async () => allHear(crew, Date.now() - 1_000), 30_000);
        for (const member of crew) member.tell({ command: "reset-gaps" });
        await sleep(callMs);
        const gaps = crew.map(({ report }) => Math.max(...Object.values(report.heard).map((one) => one.longestGapMs)));
        assert(Math.max(...gaps) < 1_500, `a gap of ${Math.max(...gaps)} ms in a call of ${callMs} ms`);

        await stack.parts.sfu.stop();
        await stack.parts.sfu.start();
        const backTs = Date.now();
        await until("both hear each other again", async () => allHear(crew, backTs), 30_000);
        return {
          "a token lasts s": ttlS,
          "longest gap in 50 s ms": gaps,
          "heard again after the SFU was back ms": Date.now() - backTs,
        };
      } finally {
        stack.tokens.ttlS = before;
      }
    }),
};
