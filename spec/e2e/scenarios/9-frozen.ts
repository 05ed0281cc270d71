// A page is frozen for longer than its delayed leave: afterwards it notices, rejoins, and leaves no ghost.
import { setTimeout as sleep } from "node:timers/promises";
import { allDecode, twoInCall } from "../calls.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

/** The default of `JoinOptions`. */
const delayedLeaveMs = 18_000;
const goneLimitMs = delayedLeaveMs + 5_000;
const backLimitMs = 20_000;
/** How long the others are watched for ghosts. */
const watchMs = 3_000;

export const scenario: Scenario = {
  name: "9. A is frozen for longer than its delayed leave: it rejoins, and leaves no ghost",
  async run(context) {
    const { a, b } = await twoInCall(context);
    const before = { states: (await a.states()).length, ...(await b.member(a.userId)) };
    const frozenAt = performance.now();
    await a.tab.freeze();
    await until("A is gone from B's members", async () => (await b.see(a.userId)) === undefined, goneLimitMs);
    const goneMs = Math.round(performance.now() - frozenAt);

    const thawedAt = performance.now();
    const since = () => Math.round(performance.now() - thawedAt);
    a.tab.thaw();
    const back = await until("A is back at B", () => b.see(a.userId), backLimitMs);
    const backMs = since();
    assert(back.createdTs !== before.createdTs, "A is back with its old membership");
    await b.decodes(a.userId, { withinMs: backLimitMs });
    const decodedMs = since();
    await allDecode(a, b);

    const states = (await a.states()).slice(before.states);
    const noticed = states.some((state) => state === "joined probably-left" || state.startsWith("rejoining"));
    assert(noticed, `A has not noticed: ${states.join(", ")}`);
    assert(states.at(-1) === "joined", `A is not back: ${states.join(", ")}`);
    for (const endsAt = performance.now() + watchMs; performance.now() < endsAt; ) {
      // One sample after the other.
      // oxlint-disable-next-line no-await-in-loop
      const members = (await b.look())!.members.filter(({ userId }) => userId === a.userId);
      assert(members.length === 1, `B sees ${members.length} memberships of A`);
      // oxlint-disable-next-line no-await-in-loop
      await sleep(100);
    }

    return {
      "gone from B's members after ms": goneMs,
      "after thawing": { "a member again ms": backMs, "20 frames decoded ms": decodedMs },
      "states of A": states.join(", "),
    };
  },
};
