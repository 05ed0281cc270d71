// A page is reloaded: the same device comes back as a new member, and is decoded again.
import { allDecode, twoInCall } from "../calls.ts";
import { type Scenario, timesOf } from "../scenario.ts";
import { assert, until } from "../until.ts";

const limitMs = 10_000;

export const scenario: Scenario = {
  name: "5. A reloads: it comes back as a new member, and is decoded again",
  async run(context) {
    const { a, b } = await twoInCall(context);
    const before = await b.member(a.userId);
    const startedAt = performance.now();
    await a.tab.page.reload({ waitUntil: "commit" });
    const after = await until(
      "B sees a new membership of A",
      async () => {
        const now = await b.see(a.userId);
        return now !== undefined && now.createdTs !== before.createdTs && now;
      },
      limitMs,
    );
    const memberMs = Math.round(performance.now() - startedAt);
    assert(after.deviceId === before.deviceId, "A came back as another device");
    await b.decodes(a.userId, { withinMs: limitMs - memberMs });
    const decodedMs = Math.round(performance.now() - startedAt);
    await allDecode(a, b);
    return {
      "back after the reload": { "as a member ms": memberMs, "20 frames decoded ms": decodedMs },
      "A after its new join": timesOf((await a.look())!, await b.sender()),
    };
  },
};
