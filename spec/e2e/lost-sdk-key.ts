// LostSdkKey: the first key of a member of matrix-js-sdk is lost on the way to A, and counts as sent. A requests it, the
// SDK does not know key requests, so A announces its membership again. Nobody else notices.
import { setTimeout as sleep } from "node:timers/promises";
import { allDecode } from "./calls.ts";
import { gapsAround, recordFrames } from "./frame-times.ts";
import type { Scenario } from "./scenario.ts";
import { assert, until } from "./until.ts";
import { enterWithSdkMember, type Modes } from "./with-sdk-member.ts";

const noticeLimitMs = 20_000;
/** A second to wait for the key, 10 s from the first request to the second, and time for the rest. */
const recoverLimitMs = 30_000;
const gapLimitMs = 500;

export function lostSdkKey(name: string, modes: Modes): Scenario {
  return {
    name,
    async run(context) {
      const { a, c, sdk, account } = await enterWithSdkMember(context, modes);
      await a.join();
      await c.join();
      await allDecode(a, c);

      await sdk.loseFirstKeyFor(a.userId);
      const joinedAt = performance.now();
      const since = () => Math.round(performance.now() - joinedAt);
      await sdk.join();
      await Promise.all([c.decodes(account.userId), sdk.decodes(a.userId)]);
      await until(
        "A waits for the key of the member of the SDK",
        async () => {
          const { encryption, tracks = 0 } = (await a.see(account.userId)) ?? {};
          return tracks > 0 && encryption?.status === "waiting";
        },
        noticeLimitMs,
      );
      const frames = await recordFrames(c, a);
      const before = { atC: await c.member(a.userId), sdk: await sdk.ownKeyIndex() };
      const renewedTs = await until(
        "C sees a new join of A",
        async () => (await c.member(a.userId)).createdTs !== before.atC.createdTs && Date.now(),
        recoverLimitMs,
      );
      await a.decodes(account.userId);
      const decodedMs = since();
      await Promise.all([allDecode(a, c), c.decodes(account.userId), sdk.decodes(a.userId)]);
      await sleep(3_000);

      const after = { atC: await c.member(a.userId), sdk: await sdk.ownKeyIndex() };
      const { atSwitches, elsewhere } = gapsAround(await frames(), [renewedTs]);
      const [gapMs = NaN] = atSwitches;
      assert(after.atC.memberId === before.atC.memberId, "A is another member");
      // A busy machine has gaps at other times too.
      const limitMs = Math.max(gapLimitMs, elsewhere.longest);
      assert(gapMs <= limitMs, `C had a gap of ${gapMs} ms in A's frames, ${elsewhere.longest} ms elsewhere`);
      assert(after.atC.keyIndexes.join() === before.atC.keyIndexes.join(), "A has changed its key");
      assert(after.sdk !== before.sdk, "the member of the SDK has not changed its key");
      const states = await a.states();
      assert(!states.some((state) => state.startsWith("rejoining")), `A has rejoined: ${states.join()}`);
      return {
        "from the join of the SDK to 20 frames at A ms": decodedMs,
        "longest gap of A's frames at C then ms": gapMs,
        "elsewhere ms": elsewhere.longest,
        "key indexes of the member of the SDK": { before: before.sdk, after: after.sdk },
        "A has joined later by ms": after.atC.createdTs - before.atC.createdTs,
      };
    },
  };
}
