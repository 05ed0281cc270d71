// Somebody records the encrypted frames of a call. A joiner tries to open those from before its join with all that it gets.
import { setTimeout as sleep } from "node:timers/promises";
import type { EncryptionKey } from "matrixrtc-rx/encryption";
import { joinRoom, register } from "../account.ts";
import { withBareMembers } from "../bare-member.ts";
import { twoInCall } from "../calls.ts";
import type { RecordedFrame } from "../pages/recorded-frame.ts";
import { openersOf, opens, recorder } from "../recorder.ts";
import { ratcheting, type Scenario } from "../scenario.ts";
import { assert } from "../until.ts";

const recordMs = 5_000;
/** More than a key ever makes. */
const steps = 20;

export const scenario: Scenario = {
  name: "43. With a ratchet: a joiner cannot open a recording from before its join, with its keys and 20 steps of each",
  async run(usual) {
    const context = ratcheting(usual);
    const { world, enter } = context;
    const { a, b, link } = await twoInCall(context);
    const account = await register(world.stack.homeserver, "recorder");
    await joinRoom(account, new URLSearchParams(new URL(link).hash.slice(1)).get("room")!);
    const tape = await enter(recorder(world, account, link));
    return withBareMembers(world, 2, link, async ([early, late]) => {
      // The first one shows that the recording can be opened, with the right keys.
      await early!.join();
      await early!.hasKeysOf(a.userId, b.userId);
      await sleep(1_000);
      const earlyTs = Date.now();
      await sleep(recordMs);
      const joinTs = Date.now();
      await late!.join();
      await late!.hasKeysOf(a.userId, b.userId);
      const keysTs = Date.now();
      await sleep(recordMs);

      const frames = (await tape.frames()).filter(({ ts }) => ts >= earlyTs);
      const before = frames.filter(({ ts }) => ts < joinTs);
      const after = frames.filter(({ ts }) => ts > keysTs + 500);
      const count = async (some: readonly RecordedFrame[], keys: readonly EncryptionKey[]) => {
        const opened = await openedBy(some, keys);
        return `${opened} of ${some.length}`;
      };
      const figures = {
        "keys of the joiner": late!.keys().length,
        "frames before the join": await count(before, late!.keys()),
        "frames after the join": await count(after, late!.keys()),
        "frames before the join, opened by an earlier member": await count(before, early!.keys()),
        "frames after the join, opened by it with derived steps": await count(after, early!.keys()),
      };
      assert(before.length > 100, `only ${before.length} frames were recorded before the join`);
      assert((await openedBy(before, late!.keys())) === 0, `the joiner opens the past: ${JSON.stringify(figures)}`);
      for (const [some, keys] of [
        [after, late!.keys()],
        [before, early!.keys()],
        [after, early!.keys()],
      ] as const)
        assert(
          (await openedBy(some, keys)) > 0.95 * some.length,
          `what should open does not: ${JSON.stringify(figures)}`,
        );
      return figures;
    });
  },
};

/** How many frames some keys open. */
async function openedBy(frames: readonly RecordedFrame[], keys: readonly EncryptionKey[]): Promise<number> {
  const openers = new Map<string, CryptoKey[]>();
  for (const { participantIdentity, key } of keys)
    openers.set(participantIdentity, [...(openers.get(participantIdentity) ?? []), ...(await openersOf(key, steps))]);
  let count = 0;
  for (const frame of frames)
    for (const opener of openers.get(frame.identity) ?? [])
      if (await opens(opener, frame)) {
        count += 1;
        break;
      }
  return count;
}
