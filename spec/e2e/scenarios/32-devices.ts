// Devices to choose from, and sound that plays, is blocked until a click, and uses another speaker.
import { setTimeout as sleep } from "node:timers/promises";
import type { AvailableDevice } from "matrixrtc-rx/media";
import { launchChromium } from "../chromium.ts";
import type { Scenario } from "../scenario.ts";
import { openTab, type Tab } from "../tab.ts";
import { assert, until } from "../until.ts";

const limitMs = 20_000;

export const scenario: Scenario = {
  name: "32. Devices have names once one is open; sound plays, is blocked until a click, and changes its speaker",
  async run({ world, enter }) {
    const address = new URL("devices.html", world.pages).href;
    const a = await enter(openTab(world, "A", address));
    await sleep(1_000);
    const before = (await lists(a)).at(-1)!;
    assert(before.microphones.length === 0, `nothing is allowed yet, but there is ${JSON.stringify(before)}`);
    await a.page.evaluate(() => window.devicesPage.openMicrophone());
    const named = await until(
      "the devices have names",
      async () => {
        const last = (await lists(a)).at(-1)!;
        return last.microphones.length > 0 && last.speakers.length > 0 && last;
      },
      limitMs,
    );
    const all = [...named.microphones, ...named.speakers];
    assert(
      all.every(({ deviceId, label }) => label !== "" && !["default", "communications"].includes(deviceId)),
      `the devices are ${JSON.stringify(all)}`,
    );

    await a.page.evaluate(() => window.devicesPage.play("microphone"));
    const playedMs = await plays(a);
    const speaker = named.speakers[0]!.deviceId;
    await a.page.evaluate((id) => window.devicesPage.output(id), speaker);
    await until("the speaker is used", async () => (await heard(a))[0]?.sinkId === speaker, limitMs);
    await a.page.evaluate(() => window.devicesPage.output("of another page"));
    await until(
      "a speaker that is not there is a value",
      async () => (await state(a)).outputFailure === "not-found",
      limitMs,
    );
    await until("the default one is used", async () => (await heard(a))[0]?.sinkId === "", limitMs);
    await plays(a);
    await a.page.evaluate(() => window.devicesPage.stop());
    assert((await heard(a)).length === 0, "an element is left");

    const shy = await launchChromium(() => {}, undefined, ["--autoplay-policy=document-user-activation-required"]);
    try {
      const b = await enter(openTab({ ...world, browser: shy }, "B", address));
      await isBlocked(b);
      await b.page.mouse.click(10, 10);
      const afterClickMs = await plays(b);
      const c = await enter(openTab({ ...world, browser: shy }, "C", address));
      const run = await isBlocked(c);
      await run("devicesPage.openMicrophone()");
      const openedAt = performance.now();
      await until(
        "sound is allowed while a microphone is open",
        async () => (await run("devicesPage.states.at(-1).status")) === "playing",
        limitMs,
      );
      return {
        devices: Object.values(named).flatMap((list: readonly AvailableDevice[]) => list.map(({ label }) => label)),
        "plays within ms": playedMs,
        "after a click ms": afterClickMs,
        "after the microphone is open ms": Math.round(performance.now() - openedAt),
      };
    } finally {
      await shy.close();
    }
  },
};

/** Plays a tone that is blocked. Returns a way to run something in the page: an `evaluate` of Playwright counts as a gesture. */
async function isBlocked({ page }: Tab): Promise<(expression: string) => Promise<unknown>> {
  const session = await page.context().newCDPSession(page);
  const run = async (expression: string): Promise<unknown> =>
    (await session.send("Runtime.evaluate", { expression, returnByValue: true })).result.value;
  await run('devicesPage.play("tone")');
  await until("it is blocked", async () => (await run("devicesPage.states.at(-1).status")) === "blocked", limitMs);
  await sleep(1_500);
  const isSilent = await run("devicesPage.heard().every((one) => one.paused && one.currentTime === 0)");
  assert(isSilent === true, "a sound that is blocked is heard");
  return run;
}

const lists = ({ page }: Tab) => page.evaluate(() => window.devicesPage.lists);
const heard = ({ page }: Tab) => page.evaluate(() => window.devicesPage.heard());
const state = ({ page }: Tab) => page.evaluate(() => window.devicesPage.states.at(-1)!);

/** Waits until a second more is heard. */
async function plays(tab: Tab): Promise<number> {
  const startedAt = performance.now();
  await until("the sound plays", async () => (await state(tab)).status === "playing", limitMs);
  const playingMs = Math.round(performance.now() - startedAt);
  const [first] = await heard(tab);
  await until(
    "time advances",
    async () => {
      const [now] = await heard(tab);
      return now && first && !now.paused && now.currentTime > first.currentTime + 1;
    },
    limitMs,
  );
  return playingMs;
}
