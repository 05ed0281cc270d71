// Element Call rings a person of ours: it rings, and what the person does reaches Element Call.
import { createRoom, joinRoom, register } from "../account.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { openTab } from "../tab.ts";
import { until } from "../until.ts";
import { elementCall } from "./element-call.ts";

const shownMs = 20_000;

export const scenario: Scenario = {
  name: "72. Element Call rings our user: a decline ends its call, a call that it gives up is silent",
  async run(context) {
    const { tab, element, close } = await ring(context);
    const sound = () => tab.page.evaluate(() => window.ringing!.sound());
    await until("it rings", async () => (await sound()) === "ringing", 60_000);
    const startedAt = performance.now();
    await tab.page.evaluate(() => window.ringing!.decline());
    await until("Element Call leaves", async () => (await element.members()) === 0, shownMs);
    const declineMs = Math.round(performance.now() - startedAt);
    await until("it is silent", async () => (await sound()) === "silent", shownMs);
    await close();

    const second = await ring(context);
    const soundOfSecond = () => second.tab.page.evaluate(() => window.ringing!.sound());
    await until("it rings again", async () => (await soundOfSecond()) === "ringing", 60_000);
    await second.element.frame().getByTestId("incall_leave").click();
    const leftAt = performance.now();
    await until("it is silent after the caller left", async () => (await soundOfSecond()) === "silent", shownMs);
    return {
      "our decline ends its call, ms": declineMs,
      "silent after it gave up, ms": Math.round(performance.now() - leftAt),
    };
  },
};

async function ring({ world, enter }: ScenarioContext) {
  const { homeserver, service } = world.stack;
  const [caller, callee] = [await register(homeserver, "element"), await register(homeserver, "bob")];
  const roomId = await createRoom(caller, { invite: [callee.userId] });
  await joinRoom(callee, roomId);
  const tab = await enter(openTab(world, "B", `${world.pages}ringing.html`));
  await tab.page.evaluate((start) => window.startRinging(start), { account: callee, roomId, service });
  const element = await enter(elementCall(world, caller, roomId, { mode: "compatibility", intent: "start_call_dm" }));
  await element.start();
  return { tab, element, close: () => Promise.all([tab.close(), element.close()]) };
}
