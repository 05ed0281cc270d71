// Members join one by one, and each join ratchets the keys of the others. No picture stops, and only joiners get messages.
import { setTimeout as sleep } from "node:timers/promises";
import { withBareMembers } from "../bare-member.ts";
import { threeInCall } from "../calls.ts";
import { gapsAround, recordFrames } from "../frame-times.ts";
import { ratcheting, type Scenario } from "../scenario.ts";
import { assert } from "../until.ts";

const joiners = 20;
/** Longer than the shortest time between two steps. */
const pauseMs = 2_000;
/** Without the key frame after each step, a lost frame costs 3 s. */
const limitMs = 1_000;

export const scenario: Scenario = {
  name: "40. Twenty members join a call of three one by one, with a ratchet: no picture stops",
  async run(usual) {
    const context = ratcheting(usual);
    const { a, b, c, link } = await threeInCall(context);
    // Two cores do not decode six videos and make twenty devices at the same time.
    await c.turnOff("Camera");
    return withBareMembers(context.world, joiners, link, async (members) => {
      const before = await a.keyCounts();
      const records = await Promise.all([recordFrames(b, a), recordFrames(a, b)]);
      const joins: Join[] = [];
      for (const member of members) {
        const index = await a.ownKeyIndex();
        await member.join();
        const ts = Date.now();
        const keysMs = await member.hasKeysOf(a.userId, b.userId, c.userId);
        await sleep(pauseMs);
        joins.push({ ts, keysMs, isStep: (await a.ownKeyIndex()) === index });
      }
      await Promise.all([b.decodes(a.userId), a.decodes(b.userId)]);
      const after = await a.keyCounts();
      const gaps = await Promise.all(
        records.map(async (frames) => {
          const times = await frames();
          return gapsAround(
            times,
            joins.map(({ ts }) => ts),
          );
        }),
      );
      const gapsAt = (isStep: boolean) =>
        gaps.map(({ atSwitches }) => atSwitches.filter((_, at) => joins[at]!.isStep === isStep));
      const [ofA, ofB] = gapsAt(true);
      const [newOfA, newOfB] = gapsAt(false);
      const figures = {
        "A's keys": {
          steps: after.ratcheted - before.ratcheted,
          "new keys": after.created - before.created,
          messages: after.sent - before.sent,
          requests: after.requested - before.requested,
          "requests answered": after.answered - before.answered,
        },
        "from membership to all three keys ms": joins.map(({ keysMs }) => keysMs),
        "longest gap at each step ms": { "A at B": ofA, "B at A": ofB },
        "at a new key ms": { "A at B": newOfA, "B at A": newOfB },
        "elsewhere ms": gaps.map(({ elsewhere }) => elsewhere.longest),
      };
      const longest = Math.max(...ofA!, ...ofB!);
      assert(longest <= limitMs, `a gap of ${longest} ms at a step: ${JSON.stringify(figures)}`);
      const { steps } = figures["A's keys"];
      assert(steps >= 16, `${steps} steps for ${joiners} joins`);
      return figures;
    });
  },
};

/** One join: whether it made a step, or a new key because eight steps were made. */
interface Join {
  readonly ts: number;
  /** From its membership to the keys of all three. */
  readonly keysMs: number;
  readonly isStep: boolean;
}
