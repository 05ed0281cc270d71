// One of two SFUs is killed: its member is shown as reconnecting, the others notice nothing, and all is well after its return.
import { setTimeout as sleep } from "node:timers/promises";
import { gapsAround, recordFrames } from "../frame-times.ts";
import { person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { atOtherSite } from "../world.ts";
import { allDecode } from "../node/60-node-member.ts";
import { nodePerson, withNodeMembers } from "../node/node-person.ts";

const downMs = 8_000;
const limitMs = 10_000;

export const scenario: Scenario = {
  name: "65. One of two SFUs is killed in a call: the media of the others does not stutter",
  isFederated: true,
  run: (context) =>
    withNodeMembers(async (own) => {
      const { world, enter } = context;
      const a = await enter(person(world, "A"));
      const link = await a.createRoom();
      const b = await enter(person(atOtherSite(world), "B", link));
      await a.join();
      await b.join();
      const node = own(await nodePerson(atOtherSite(world), "Node", link));
      await node.join();
      await allDecode(node, a, b);

      const frames = await recordFrames(b, node);
      node.tell({ command: "reset-gaps" });
      await sleep(3_000);
      const killTs = Date.now();
      const { sfu } = world.stack.parts;
      await sfu.kill();
      const view = await until(
        "B shows A as reconnecting",
        async () => {
          const shown = await b.tab.page.evaluate(
            (userId) => document.querySelector(`article[data-user="${userId}"] .why`)?.textContent,
            a.userId,
          );
          return shown?.startsWith("Reconnecting") && shown;
        },
        20_000,
      );
      const shownMs = Date.now() - killTs;
      await sleep(downMs);
      const problems = node.report.problems.map(({ code, detail }) => (detail ? `${code} (${detail})` : code));
      await sfu.start();
      const backTs = Date.now();
      const heardB = node.report.heard[b.userId]!.longestGapMs;
      const gaps = gapsAround(await frames(), []);
      await allDecode(node, a, b);
      const wellMs = Date.now() - backTs;
      assert(gaps.elsewhere.longest <= 1_000, `the picture of Node at B had a gap of ${gaps.elsewhere.longest} ms`);
      assert(wellMs <= limitMs + 2_000, `all was well only ${wellMs} ms after the SFU was back`);
      return {
        "B shows A as": view,
        "after ms": shownMs,
        "problems at Node": problems,
        "longest gap of Node at B ms": gaps.elsewhere.longest,
        "median ms": gaps.elsewhere.median,
        "longest gap of the sound of B at Node ms": heardB,
        "all decode 20 more frames after its return ms": wellMs,
      };
    }),
};
