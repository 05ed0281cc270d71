// Many calls in one page, one after the other: nothing of them is left.
import { person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const calls = Number(process.env["CALLS"] ?? 100);
/** The first calls fill caches. */
const warmUp = 10;
const mostGrowth = 2_000_000;

export const scenario: Scenario = {
  name: "80. A joins and leaves 100 calls in one page: no workers, rooms or connections are left",
  async run({ world, enter }) {
    const a = await enter(person(world, "A"));
    const link = await a.createRoom();
    const b = await enter(person(world, "B", link));
    await b.join();
    const { page } = a.tab;
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.enable");
    const heap = async () => {
      // While DevTools are connected, the console holds what was logged: livekit-client logs workers and errors with rooms.
      await session.send("Runtime.discardConsoleEntries");
      await session.send("HeapProfiler.collectGarbage");
      const { usedSize } = await session.send("Runtime.getHeapUsage");
      return usedSize;
    };
    let before = 0;
    let half = 0;
    for (let count = 0; count < calls; count += 1) {
      if (count === warmUp) before = await heap();
      if (count === calls / 2) half = await heap();
      await a.join();
      await until("A sees B", async () => (await a.see(b.userId))?.inSfu, 20_000);
      await a.leave();
      await page.getByRole("button", { name: "Join call" }).waitFor({ timeout: 20_000 });
    }
    const alive = await page.evaluate(() => window.alive?.());
    assert(alive?.workers === 0, `${alive?.workers} workers are left`);
    assert(alive.peerConnections === 0, `${alive.peerConnections} peer connections are left`);
    const after = await heap();
    const growth = after - before;
    assert(calls <= warmUp || growth < mostGrowth, `the heap has grown by ${growth} bytes`);
    return { calls, alive, "heap growth bytes": growth, "of these in the second half": after - half };
  },
};
