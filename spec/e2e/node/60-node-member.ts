// A member in Node between two browsers: all decode all, before and after a change of keys.
import { setTimeout as sleep } from "node:timers/promises";
import { twoInCall } from "../calls.ts";
import type { Person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import type { NodeMember } from "../../node-member/node-member.ts";
import { nodePerson, withNodeMembers } from "./node-person.ts";

/** Longer than the default of `RotationPolicy`, so that a join makes a new key. */
const graceMs = 11_000;

export const scenario: Scenario = {
  name: "60. A member in Node between two browsers: all decode all, before and after a change of keys",
  run: (context) =>
    withNodeMembers(async (own) => {
      const { a, b, link } = await twoInCall(context);
      const node = own(await nodePerson(context.world, "Node", link));
      const joinTs = Date.now();
      await node.join();
      const before = await allDecode(node, a, b);
      const firstSoundMs = Math.min(...Object.values(node.report.heard).map(({ firstTs }) => firstTs)) - joinTs;

      await sleep(graceMs);
      const indexes = await keyIndexes(node, a, b);
      const guest = own(await nodePerson(context.world, "Guest", link));
      await guest.join();
      await until("all have a new key", async () => areAllNew(indexes, await keyIndexes(node, a, b)), 20_000);
      node.tell({ command: "reset-gaps" });
      await guest.leave();
      const after = await allDecode(node, a, b);

      return {
        "Node hears the first sound after its join ms": firstSoundMs,
        "before the change of keys": before,
        "after it": after,
        "key indexes before": indexes,
        "key indexes after": await keyIndexes(node, a, b),
        "memory of Node MB": node.report.memoryMb,
      };
    }),
};

/** Each browser decodes pictures of the other two, and Node gets pictures and sound of both. */
export async function allDecode(node: NodeMember, a: Person, b: Person, withinMs = 30_000) {
  const picturesOf = ({ userId }: Person) => node.report.pictures[userId] ?? 0;
  const first = { a: picturesOf(a), b: picturesOf(b) };
  const startTs = Date.now();
  const hears = ({ userId }: Person) => (node.report.heard[userId]?.lastTs ?? 0) > startTs;
  const within = { withinMs };
  const [nodeAtA, nodeAtB] = await Promise.all([
    a.decodes(node.userId, within),
    b.decodes(node.userId, within),
    a.decodes(b.userId, within),
    b.decodes(a.userId, within),
    until("Node decodes 20 pictures of A", async () => picturesOf(a) >= first.a + 20, withinMs),
    until("Node decodes 20 pictures of B", async () => picturesOf(b) >= first.b + 20, withinMs),
    until("Node hears A and B", async () => hears(a) && hears(b), withinMs),
  ]);
  return {
    "frames of Node at A": nodeAtA.framesDecoded,
    "at B": nodeAtB.framesDecoded,
    "of A at Node": picturesOf(a),
    "of B at Node": picturesOf(b),
  };
}

const keyIndexes = async (node: NodeMember, a: Person, b: Person) =>
  [node.report.ownKeyIndex, await a.ownKeyIndex(), await b.ownKeyIndex()].map((index) => index ?? -1);

const areAllNew = (before: readonly number[], now: readonly number[]) => before.every((index, at) => index !== now[at]);
