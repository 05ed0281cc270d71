// A sends no media while eight members join. Nobody can follow the steps of its key by its frames meanwhile.
import { setTimeout as sleep } from "node:timers/promises";
import { withBareMembers } from "../bare-member.ts";
import { person } from "../person.ts";
import { ratcheting, type Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const joins = 8;
const pauseMs = 1_300;

export const scenario: Scenario = {
  name: "42. With a ratchet: A is muted while eight members join, and B decodes it afterwards",
  async run(usual) {
    const { world, enter } = ratcheting(usual);
    const a = await enter(person(world, "A"));
    const link = await a.createRoom();
    const b = await enter(person(world, "B", link));
    return withBareMembers(world, joins + 1, link, async ([first, ...members]) => {
      await a.join();
      await b.join();
      await Promise.all([a.decodes(b.userId), b.decodes(a.userId)]);
      // B's join made a step already. A leave makes a new key, which has all eight steps left.
      await first!.join();
      const index = await a.ownKeyIndex();
      await first!.stop();
      await until("A has a new key", async () => (await a.ownKeyIndex()) !== index, 20_000);
      await b.decodes(a.userId);
      for (const device of ["Mic", "Camera"] as const) {
        await a.turnOff(device);
        // Two cores have enough to do.
        await b.turnOff(device);
      }
      const before = await a.keyCounts();
      for (const member of members) {
        await member.join();
        await sleep(pauseMs);
      }
      const after = await a.keyCounts();
      const frames = (await b.member(a.userId)).framesDecoded;
      const startedAt = performance.now();
      await a.turnOn("Camera");
      await until("B decodes A again", async () => (await b.member(a.userId)).framesDecoded > frames, 20_000);
      const ofBMs = Math.round(performance.now() - startedAt);
      await b.decodes(a.userId);
      const steps = after.ratcheted - before.ratcheted;
      assert(steps === joins, `A made ${steps} steps in ${joins} joins`);
      const requests = (await b.keyCounts()).requested;
      return {
        "steps while muted": steps,
        "new keys while muted": after.created - before.created,
        "messages of A": after.sent - before.sent,
        "B decodes after ms": ofBMs,
        "requests of B": requests,
      };
    });
  },
};
