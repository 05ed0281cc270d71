// A member of ours ratchets its key in a call with matrix-js-sdk's session and LiveKit's own key provider.
import { setTimeout as sleep } from "node:timers/promises";
import { joinRoom, register } from "../account.ts";
import { withBareMembers } from "../bare-member.ts";
import { person } from "../person.ts";
import { type Figures, inMode, ratcheting, type Scenario } from "../scenario.ts";
import { sdkMember } from "../sdk-member.ts";
import { assert } from "../until.ts";

const pauseMs = 1_500;

const modes = [
  { ours: "compatibility", sdk: "state" },
  { ours: "matrix_2_0", sdk: "sticky" },
] as const;

export const scenario: Scenario = {
  name: "41. With a ratchet: a member of matrix-js-sdk with LiveKit's default key provider decodes ours after each join, also if it was muted",
  async run(usual) {
    const figures: Record<string, Figures> = {};
    for (const { ours, sdk: theirs } of modes) {
      const { world, enter } = ratcheting(inMode(usual, ours));
      const a = await enter(person(world, "A"));
      const link = await a.createRoom();
      const account = await register(world.stack.homeserver, "sdk");
      await joinRoom(account, new URLSearchParams(new URL(link).hash.slice(1)).get("room")!);
      const sdk = await enter(sdkMember(world, account, link, theirs, { keyOptions: {} }));
      figures[`${ours} with ${theirs}`] = await withBareMembers(world, 6, link, async (members) => {
        await a.join();
        await sdk.join();
        await Promise.all([a.decodes(account.userId), sdk.decodes(a.userId)]);
        const before = await a.keyCounts();
        for (const member of members.slice(0, 3)) {
          await member.join();
          await sleep(pauseMs);
          await sdk.setAllKeys();
          await sdk.decodes(a.userId);
        }
        for (const device of ["Mic", "Camera"] as const) await a.turnOff(device);
        for (const member of members.slice(3)) {
          await member.join();
          await sleep(pauseMs);
        }
        const startedAt = performance.now();
        await a.turnOn("Camera");
        await sdk.decodes(a.userId);
        const decodedMs = Math.round(performance.now() - startedAt);
        const after = await a.keyCounts();
        const steps = after.ratcheted - before.ratcheted;
        assert(steps === 6, `A made ${steps} steps in 6 joins`);
        return {
          steps,
          "messages of A": after.sent - before.sent,
          "new keys": after.created - before.created,
          "20 frames after the camera is on ms": decodedMs,
        };
      });
      await Promise.all([a.tab.close(), sdk.close()]);
    }
    return figures;
  },
};
