// Devices to choose from, and sound that plays, is blocked until a click, and uses another speaker.
import { setTimeout as sleep } from "node:timers/promises";
import type { AvailableDevice } from "matrixrtc-rx/media";
import { launchChromium, switches } from "../chromium.ts";
import type { Scenario } from "../scenario.ts";
import { openTab, type Tab } from "../tab.ts";
import { assert, until } from "../until.ts";

const limitMs = 20_000;

/** With these a browser asks before a page may use a microphone, and blocks sound until a click. */
const switchesOfUsers = [
  ...switches.filter((one) => !/fake-ui|autoplay/.test(one)),
  "--autoplay-policy=document-user-activation-required",
];

export const scenario: Scenario = {
  name: "32. Devices have names once one is open; sound plays, is blocked until a click, and changes its speaker",
  async run({ world, enter }) {
    const browser = await launchChromium(() => {}, undefined, switchesOfUsers);
    try {
      const open = async (name: string) =>
        withoutGestures(await enter(openTab({ ...world, browser }, name, new URL("devices.html", world.pages).href)));

      const a = await open("A");
      await a.allow();
      await sleep(1_000);
      const before = await a.lists();
      assert(before.length === 1, `the lists before a device is open are ${JSON.stringify(before)}`);
      await a.run("devicesPage.openMicrophone()");
      const named = await until("A lists devices", async () => (await a.lists())[1], limitMs);
      const devices: readonly AvailableDevice[] = Object.values(named).flat();
      assert(
        named.microphones.length > 0 &&
          named.speakers.length > 0 &&
          devices.every(({ deviceId, label }) => label !== "" && !["default", "communications"].includes(deviceId)),
        `the devices are ${JSON.stringify(named)}`,
      );

      await a.run("devicesPage.play('microphone')");
      const playsMs = await a.plays();
      const [{ deviceId: speaker } = { deviceId: "" }] = named.speakers;
      await a.run(`devicesPage.output("${speaker}")`);
      await until("A uses the speaker", async () => (await a.heard())[0]?.sinkId === speaker, limitMs);
      await a.plays();
      await a.run("devicesPage.output('of another page')");
      await until("A lacks the speaker", async () => (await a.state()).outputFailure === "not-found", limitMs);
      await until("A uses the default one", async () => (await a.heard())[0]?.sinkId === "", limitMs);
      await a.plays();
      await a.run("devicesPage.stop()");
      assert((await a.heard()).length === 0, "an element is left");

      const b = await open("B");
      await b.isBlocked();
      await b.click();
      const afterClickMs = await b.plays();

      const c = await open("C");
      await c.isBlocked();
      await c.allow();
      await c.run("devicesPage.openMicrophone()");
      const afterOpeningMs = await c.plays();
      const labels = devices.map(({ label }) => label);
      return { labels, playsMs, "after a click ms": afterClickMs, "after the microphone opens ms": afterOpeningMs };
    } finally {
      await browser.close();
    }
  },
};

/** A page that is used without `evaluate` of Playwright, which counts as a gesture of the user. */
async function withoutGestures({ page }: Tab) {
  const session = await page.context().newCDPSession(page);
  const run = async (expression: string) =>
    (await session.send("Runtime.evaluate", { expression, returnByValue: true })).result.value;
  type Page = typeof window.devicesPage;
  const lists = (): Promise<Page["lists"]> => run("devicesPage.lists");
  const heard = (): Promise<ReturnType<Page["heard"]>> => run("devicesPage.heard()");
  const state = (): Promise<Page["states"][number]> => run("devicesPage.states.at(-1)");
  return {
    run,
    lists,
    heard,
    state,
    allow: () => page.context().grantPermissions(["microphone"]),
    click: () => page.mouse.click(10, 10),
    /** Waits until a second more is heard. Returns the time until it played. */
    async plays(): Promise<number> {
      const startedAt = performance.now();
      await until("sound plays", async () => (await state()).status === "playing", limitMs);
      const playsMs = Math.round(performance.now() - startedAt);
      const since = (await heard())[0]?.currentTime ?? 0;
      const advances = async () => (await heard()).some((one) => !one.paused && one.currentTime > since + 1);
      await until("the time of the sound advances", advances, limitMs);
      return playsMs;
    },
    /** Plays a tone, which is still blocked after the second try. */
    async isBlocked(): Promise<void> {
      await run("devicesPage.play('tone')");
      await until("sound is blocked", async () => (await state()).status === "blocked", limitMs);
      await sleep(1_500);
      const isSilent = (await heard()).every((one) => one.paused && one.currentTime === 0);
      assert(isSilent && (await state()).status === "blocked", "a sound that is blocked is heard");
    },
  };
}
