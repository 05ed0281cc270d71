// Key messages are held back on their way out, then lost on their way in. The tile says why it is black, and recovers.
import { setTimeout as sleep } from "node:timers/promises";
import { allDecode, twoInCall } from "../calls.ts";
import { loseToDevice, refuseToDevice } from "../hold-back.ts";
import type { Person } from "../person.ts";
import { inMode, type Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const holdMs = 6_000;
const noticeLimitMs = 10_000;
/** Key requests and repeated sends are some seconds apart. */
const recoverLimitMs = 30_000;

export const scenario: Scenario = {
  name: "11. A's key messages are held back: B says why it waits, and recovers",
  async run(usual) {
    // The keys of encrypted sticky memberships are to-device messages too, so nobody would see A join in that mode.
    const { a, b } = await twoInCall(inMode(usual, "compatibility"));
    const refused = await heldBack(a, b, () => refuseToDevice(a.tab.page));
    const unreached = refused.ofBAtA?.unreached;
    assert(unreached === "failed", `A does not say that its key did not reach B: ${unreached}`);
    const lost = await heldBack(a, b, () => loseToDevice(b.tab.page));
    await allDecode(a, b);
    return { "refused by A's server": refused.figures, "lost on the way to B": lost.figures };
  },
};

/** A leaves and joins again. Until the release, none of its keys arrive. */
async function heldBack(a: Person, b: Person, hold: () => Promise<() => Promise<void>>) {
  await a.leave();
  await until("A is gone from B's members", async () => (await b.see(a.userId)) === undefined, noticeLimitMs);
  const release = await hold();
  const joinedAt = performance.now();
  await a.join();
  await until(
    "B waits for a key of A",
    async () => {
      const { encryption, tracks = 0 } = (await b.see(a.userId)) ?? {};
      return tracks > 0 && encryption?.status === "waiting" && encryption.reason === "no-key";
    },
    noticeLimitMs,
  );
  const waitingMs = Math.round(performance.now() - joinedAt);
  await sleep(holdMs);
  const held = await b.member(a.userId);
  const why = held.encryption?.status === "waiting" ? held.encryption.reason : held.encryption?.status;
  assert(why === "no-key", `B says of A: ${why}`);
  assert(held.framesDecoded === 0, `B has decoded ${held.framesDecoded} frames of A`);
  assert(held.lock === "waiting", `A's lock is ${held.lock}`);
  const words = await b.tab.page.locator(`[data-user="${a.userId}"] .why`).textContent();
  assert(words?.startsWith("Waiting: ") === true, `A's tile says ${words}`);
  const ofBAtA = (await a.member(b.userId)).encryption;

  await release();
  const releasedAt = performance.now();
  const since = () => Math.round(performance.now() - releasedAt);
  await until("B has A's key", async () => (await b.see(a.userId))?.encryption?.status === "ok", recoverLimitMs);
  const keyMs = since();
  await b.decodes(a.userId);
  return {
    ofBAtA,
    figures: { "waits after ms": waitingMs, why, words, "key after ms": keyMs, "20 frames decoded after ms": since() },
  };
}
