// Members of two homeservers, each publishing on the SFU of its own homeserver: all decode all, in every mode.
import { person } from "../person.ts";
import { inMode, type Scenario, timesOf } from "../scenario.ts";
import { assert } from "../until.ts";
import { atOtherSite } from "../world.ts";
import { allDecode } from "../node/60-node-member.ts";
import { nodePerson, withNodeMembers } from "../node/node-person.ts";

/**
 * The homeservers learn of devices from each other. A sticky membership that is sent before they have cannot be decrypted,
 * and is announced again later.
 */
const withinMs = 60_000;

const modes = ["legacy", "compatibility", "matrix_2_0"] as const;

export const scenarios: readonly Scenario[] = modes.map((mode, at) => ({
  name: `${62 + at}. Two homeservers with an SFU each, mode ${mode}: all decode all`,
  isFederated: true,
  run: (context) =>
    withNodeMembers(async (own) => {
      const { world, enter } = inMode(context, mode);
      const a = await enter(person(world, "A"));
      const link = await a.createRoom();
      const b = await enter(person(atOtherSite(world), "B", link));
      await a.join();
      await b.join();
      const joinedTs = Date.now();
      await Promise.all([a.decodes(b.userId, { withinMs }), b.decodes(a.userId, { withinMs })]);
      const pagesMs = Date.now() - joinedTs;
      const timesOfB = timesOf((await b.look())!, await a.sender());
      const node = own(await nodePerson(atOtherSite(world), "Node", link));
      const nodeTs = Date.now();
      await node.join();
      const decoded = await allDecode(node, a, b, withinMs);
      const allMs = Date.now() - nodeTs;
      const sfus = Object.keys(node.report.connections).length;
      const expected = mode === "legacy" ? 1 : 2;
      assert(sfus === expected, `Node has connections to ${sfus} SFUs, not to ${expected}`);
      return {
        "the pages decode 20 frames of each other after ms": pagesMs,
        "B after its join": timesOfB,
        "all decode all after Node joins ms": allMs,
        "connections of Node": sfus,
        ...decoded,
      };
    }),
}));
