// Ringing between our library and matrix-js-sdk's own sending and parsing, in both directions.
import { createRoom, joinRoom, register } from "../account.ts";
import type { Scenario } from "../scenario.ts";
import { openTab } from "../tab.ts";
import { until } from "../until.ts";
import type { World } from "../world.ts";

async function ringingTab(world: World, name: string, account: Awaited<ReturnType<typeof register>>, roomId: string) {
  const tab = await openTab(world, name, `${world.pages}ringing.html`);
  await tab.page.evaluate((start) => window.startRinging(start), { account, roomId, service: world.stack.service });
  return tab;
}

export const scenario: Scenario = {
  name: "30. matrix-js-sdk accepts our rings and declines, and we accept those of matrix-js-sdk",
  async run({ world, enter }) {
    const { homeserver } = world.stack;
    const [alice, bob] = [await register(homeserver, "alice"), await register(homeserver, "bob")];
    const roomId = await createRoom(alice, { invite: [bob.userId] });
    await joinRoom(bob, roomId);
    const a = await enter(ringingTab(world, "A", alice, roomId));
    const b = await enter(ringingTab(world, "B", bob, roomId));
    const verdict = () => b.page.evaluate(() => window.ringing!.sdkVerdict());
    const sound = () => b.page.evaluate(() => window.ringing!.sound());
    const outcome = () => a.page.evaluate((id) => window.ringing!.outcome(id), bob.userId);

    // A client that has just started has not uploaded its keys yet: nobody can encrypt for it.
    for (const [page, of] of [
      [a.page, bob],
      [b.page, alice],
    ] as const) {
      const knows = () =>
        page.evaluate(([user, device]) => window.ringing!.knowsDevice(user, device), [of.userId, of.deviceId] as const);
      await until(`the keys of ${of.userId} are there`, knows, 20_000);
    }

    // Ours rings, the SDK reads.
    await a.page.evaluate((id) => window.ringing!.ring([id]), bob.userId);
    await until("the SDK accepts our ring", async () => (await verdict()) === "accepted", 20_000);
    await a.page.evaluate(() => window.ringing!.withdraw());
    await until("the SDK sees that it is withdrawn", async () => (await verdict()) !== "accepted", 20_000);
    const withdrawn = await verdict();

    await a.page.evaluate((id) => window.ringing!.ring([id]), bob.userId);
    await until("it rings again", async () => (await sound()) === "ringing", 20_000);
    await b.page.evaluate(() => window.ringing!.decline());
    await until("the SDK reads our decline", async () => (await verdict()).includes("declined"), 20_000);

    // The SDK rings, ours reads.
    const startedAt = performance.now();
    await a.page.evaluate(() => window.ringing!.sdkJoin());
    await until("the ring of the SDK rings here", async () => (await sound()) === "ringing", 20_000);
    const ringMs = Math.round(performance.now() - startedAt);
    await b.page.evaluate(() => window.ringing!.sdkDecline());
    await until("the decline of the SDK is read", async () => (await outcome()) === "declined", 20_000);
    await until("it is silent", async () => (await sound()) === "silent", 20_000);
    await a.page.evaluate(() => window.ringing!.sdkLeave());
    return { "what the SDK says of a withdrawn ring": withdrawn, "from the SDK's join to our ring, in ms": ringMs };
  },
};
