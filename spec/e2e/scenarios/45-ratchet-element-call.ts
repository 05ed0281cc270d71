// An unmodified Element Call follows the ratchet of our members, in both of its modes: while they send, and after they were muted.
import { setTimeout as sleep } from "node:timers/promises";
import { joinRoom, register } from "../account.ts";
import { withBareMembers } from "../bare-member.ts";
import { elementCall, type ElementCallMode } from "../element-call/element-call.ts";
import { person } from "../person.ts";
import { type Figures, inMode, ratcheting, type Scenario, type ScenarioContext } from "../scenario.ts";
import { assert } from "../until.ts";

const pauseMs = 1_500;
const pairs: readonly (readonly [ours: string, theirs: ElementCallMode])[] = [
  ["compatibility", "compatibility"],
  ["matrix_2_0", "matrix_2_0"],
];

export const scenario: Scenario = {
  name: "45. With a ratchet: Element Call decodes our member after each join, also if it was muted meanwhile",
  async run(context) {
    const figures: Record<string, Figures> = {};
    for (const [ours, theirs] of pairs)
      figures[`${ours} with ${theirs}`] = await together(ratcheting(inMode(context, ours)), theirs);
    return figures;
  },
};

async function together({ world, enter }: ScenarioContext, theirs: ElementCallMode): Promise<Figures> {
  const a = await enter(person(world, "A"));
  const link = await a.createRoom();
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  const account = await register(world.stack.homeserver, "element");
  await joinRoom(account, roomId);
  const element = await enter(elementCall(world, account, roomId, { mode: theirs }));
  const figures = await withBareMembers(world, 5, link, async (members) => {
    await a.join();
    await element.start();
    await a.decodes(account.userId, { withinMs: 60_000 });
    await element.decodes(1);
    const before = await a.keyCounts();
    for (const member of members.slice(0, 2)) {
      await member.join();
      await sleep(pauseMs);
      await element.decodes(1);
    }
    for (const device of ["Mic", "Camera"] as const) await a.turnOff(device);
    for (const member of members.slice(2)) {
      await member.join();
      await sleep(pauseMs);
    }
    const startedAt = performance.now();
    await a.turnOn("Camera");
    await element.decodes(1);
    const decodedMs = Math.round(performance.now() - startedAt);
    const after = await a.keyCounts();
    const steps = after.ratcheted - before.ratcheted;
    assert(steps === 5, `A made ${steps} steps in 5 joins`);
    return { steps, "messages of A": after.sent - before.sent, "20 frames after the camera is on ms": decodedMs };
  });
  await Promise.all([a.tab.close(), element.close()]);
  return figures;
}
