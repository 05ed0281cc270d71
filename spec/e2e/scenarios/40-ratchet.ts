// Members join one by one, and each join ratchets the keys of the others. Nobody misses a frame, and only joiners get messages.
import { setTimeout as sleep } from "node:timers/promises";
import { withBareMembers } from "../bare-member.ts";
import { threeInCall } from "../calls.ts";
import { gapsAround, recordFrames } from "../frame-times.ts";
import { ratcheting, type Scenario } from "../scenario.ts";
import { assert } from "../until.ts";

const joiners = 20;
/** Longer than the shortest time between two steps. */
const pauseMs = 2_000;
const limitMs = 500;

export const scenario: Scenario = {
  name: "40. Twenty members join a call of three one by one, with a ratchet: nobody misses a frame",
  async run(usual) {
    const context = ratcheting(usual);
    const { a, b, c, link } = await threeInCall(context);
    // Two cores do not decode six videos and make twenty devices at the same time.
    await c.turnOff("Camera");
    return withBareMembers(context.world, joiners, link, async (members) => {
      const [before, indexesBefore] = [await a.keyCounts(), await a.ownKeyIndex()];
      const records = await Promise.all([recordFrames(b, a), recordFrames(a, b)]);
      const instants: number[] = [];
      const waits: number[] = [];
      for (const member of members) {
        // oxlint-disable-next-line no-await-in-loop
        await member.join();
        instants.push(Date.now());
        // oxlint-disable-next-line no-await-in-loop
        waits.push(await member.hasKeysOf(a.userId, b.userId, c.userId));
        // oxlint-disable-next-line no-await-in-loop
        await sleep(pauseMs);
      }
      await Promise.all([b.decodes(a.userId), a.decodes(b.userId)]);
      const after = await a.keyCounts();
      const gaps = await Promise.all(records.map(async (frames) => gapsAround(await frames(), instants)));
      const counts = {
        steps: after.ratcheted - before.ratcheted,
        "new keys": after.created - before.created,
        messages: after.sent - before.sent,
        requests: after.requested + after.answered - before.requested - before.answered,
      };
      const figures = {
        "A's keys": counts,
        "A's key index": { before: indexesBefore, after: await a.ownKeyIndex() },
        "from membership to all three keys ms": waits,
        ...Object.fromEntries(
          gaps.map(({ frames, atSwitches, elsewhere }, of) => [
            ["A at B", "B at A"][of],
            { frames, "longest gap at each join ms": atSwitches, "longest gap elsewhere ms": elsewhere.longest },
          ]),
        ),
      };
      const longest = Math.max(...gaps.flatMap(({ atSwitches }) => atSwitches));
      assert(longest <= limitMs, `a gap of ${longest} ms at a join: ${JSON.stringify(figures)}`);
      assert(counts.requests === 0, `keys were requested: ${JSON.stringify(figures)}`);
      assert(counts.steps >= 16, `${counts.steps} steps for ${joiners} joins`);
      return figures;
    });
  },
};
