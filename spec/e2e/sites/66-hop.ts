// A member moves to another SFU in a call: it is heard all the time, and nobody sees it leave.
import { setTimeout as sleep } from "node:timers/promises";
import { person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";
import { atOtherSite } from "../world.ts";
import { nodePerson, withNodeMembers } from "../node/node-person.ts";

const limitMs = 1_500;

export const scenario: Scenario = {
  name: "66. A member moves to another SFU: it is heard all the time, with one update of its membership",
  isFederated: true,
  run: (context) =>
    withNodeMembers(async (own) => {
      const { world, enter } = context;
      const a = await enter(person(world, "A"));
      const link = await a.createRoom();
      await a.join();
      const listener = own(await nodePerson(atOtherSite(world), "Listener", link));
      const mover = own(await nodePerson(world, "Mover", link));
      await listener.join();
      await mover.join();
      const hears = () => listener.report.heard[mover.userId];
      await until("Listener hears Mover", async () => (hears()?.ms ?? 0) > 2_000, 30_000);
      await a.decodes(mover.userId);

      const { departures } = listener.report;
      const stay = listener.report.members[mover.userId];
      const requests = mover.report.requests["PUT rooms/state"] ?? 0;
      listener.tell({ command: "reset-gaps" });
      await sleep(1_000);
      const { service } = world.stack.other!;
      mover.tell({ command: "hop", service });
      await until(
        "Mover has left the first SFU",
        async () => mover.report.connections[service] === "connected" && mover.report.publishes === service,
        30_000,
      );
      await sleep(8_000);
      await a.decodes(mover.userId);
      const gapMs = hears()!.longestGapMs;
      const writes = (mover.report.requests["PUT rooms/state"] ?? 0) - requests;
      assert(listener.report.departures === departures, "Mover was seen to leave");
      assert(listener.report.members[mover.userId] === stay, "Mover has another stay");
      assert(gapMs <= limitMs, `Listener did not hear Mover for ${gapMs} ms`);
      assert(writes === 1, `Mover wrote its membership ${writes} times`);
      return { "longest gap of its sound ms": gapMs, "writes of its membership": writes };
    }),
};
