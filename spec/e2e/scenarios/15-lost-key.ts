// A changes its key while media flows, and the message is lost: LiveKit lacks the key, B says so and requests the key.
import { setTimeout as sleep } from "node:timers/promises";
import { allDecode, threeInCall } from "../calls.ts";
import { loseToDevice } from "../hold-back.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const noticeLimitMs = 10_000;
/** Longer than the time to the first key request, so that its answer is lost too. */
const holdMs = 3_000;
/** Key requests are some seconds apart. */
const recoverLimitMs = 30_000;

export const scenario: Scenario = {
  name: "15. The message with A's next key is lost: B says which key is missing, requests it, and recovers",
  async run(context) {
    const { a, b, c } = await threeInCall(context);
    const before = await b.member(a.userId);
    const release = await loseToDevice(b.tab.page);
    const startedAt = performance.now();
    await c.leave();
    await until(
      "B lacks a key of A",
      async () => {
        const { encryption } = (await b.see(a.userId)) ?? {};
        return encryption?.status === "waiting" && encryption.reason === "missing-key";
      },
      noticeLimitMs,
    );
    const missedMs = Math.round(performance.now() - startedAt);
    await sleep(holdMs);
    const held = await b.member(a.userId);
    assert(held.keyIndexes.at(-1) === before.keyIndexes.at(-1), "B has a new key of A");
    assert(held.encryption?.status === "waiting", "B does not wait for the key any more, without the key");
    assert(held.lock === "waiting", `A's lock is ${held.lock}`);

    await release();
    const releasedAt = performance.now();
    const since = () => Math.round(performance.now() - releasedAt);
    const inUse = await a.ownKeyIndex();
    await until("B has A's key", async () => (await b.member(a.userId)).keyIndexes.at(-1) === inUse, recoverLimitMs);
    const keyMs = since();
    await b.decodes(a.userId);
    const decodedMs = since();
    await allDecode(a, b);
    return {
      "key indexes of A": { before: before.keyIndexes.at(-1), after: inUse },
      "B misses it after ms": missedMs,
      "once messages arrive again": { "key after ms": keyMs, "20 frames decoded after ms": decodedMs },
    };
  },
};
