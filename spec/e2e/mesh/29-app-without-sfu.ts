// The call app where the homeserver names no SFU: it falls back to a mesh and says so, and both see and hear each other.
import { startStack } from "../../../examples/stack/stack.ts";
import { type Person, person } from "../person.ts";
import type { Scenario } from "../scenario.ts";
import { assert, until } from "../until.ts";

const limitMs = 20_000;
const frames = 20;
const withoutSfu = /no media server/;

export const scenario: Scenario = {
  name: "29. The call app without an SFU: it says so, and A and B see and hear each other",
  async run({ world, enter }) {
    const stack = await startStack({ mesh: true });
    try {
      const a = await enter(person({ ...world, stack: { ...world.stack, ...stack } }, "A"));
      const link = await a.createRoom();
      const b = await enter(person({ ...world, stack: { ...world.stack, ...stack } }, "B", link));
      for (const { tab } of [a, b]) await tab.page.getByText(withoutSfu).waitFor({ timeout: limitMs });
      await a.tab.screenshot("29-lobby");

      const startedAt = performance.now();
      await a.join();
      await b.join();
      await Promise.all([sees(a, b), sees(b, a)]);
      const seenMs = Math.round(performance.now() - startedAt);
      for (const { tab } of [a, b]) await tab.page.getByText(withoutSfu).waitFor({ timeout: limitMs });
      const levels = await Promise.all([loudness(a), loudness(b)]);
      assert(Math.min(...levels) > 0.01, `the voices have the levels ${levels.join(" and ")}`);
      assert((await tileOf(a, b)).lock === "closed", "the lock of B is not closed");
      const screenshot = await a.tab.screenshot("29-call");

      await b.tab.page.getByText("Devices").click();
      await b.tab.page.locator("[name=speakers]").selectOption("Fake Audio Output 2");
      await b.tab.page.locator("[name=microphones]").selectOption("Fake Audio Input 2");
      const isChosen = () => b.tab.page.locator("audio").evaluate((audio: HTMLAudioElement) => audio.sinkId !== "");
      await until("B hears A by another speaker", isChosen, limitMs);
      const chosenLevel = await loudness(a);
      assert(chosenLevel > 0.01, `the voice of B by another microphone has the level ${chosenLevel}`);

      await b.turnOff("Mic");
      await until("A sees that B is muted", async () => (await tileOf(a, b)).muted === "true", limitMs);
      await b.turnOn("Mic");
      await b.turnOn("Screen");
      await until("A sees the screen of B", async () => (await tileOf(a, b)).width > 320, limitMs);
      // The browser has a button of its own that ends a share.
      await b.tab.page.locator(`[data-user="${b.userId}"] video`).evaluate((video: HTMLVideoElement) => {
        (video.srcObject as MediaStream).getTracks()[0]!.dispatchEvent(new Event("ended"));
      });
      await b.tab.page.getByRole("button", { name: "Screen", pressed: false }).waitFor({ timeout: limitMs });
      await until("A sees the camera of B again", async () => (await tileOf(a, b)).width <= 320, limitMs);
      await sees(a, b);

      // After a reload, B is in the call again.
      await b.tab.page.reload({ waitUntil: "commit" });
      await until("B is back", async () => (await b.tab.page.locator(".tile").count()) === 2, limitMs);
      await Promise.all([sees(a, b), sees(b, a)]);
      await b.leave();
      await until("the tile of B is gone", async () => (await a.tab.page.locator(".tile").count()) === 1, limitMs);
      return { "both see 20 frames ms": seenMs, levels, screenshot };
    } finally {
      await stack.stop();
    }
  },
};

const tileOf = (one: Person, other: Person) =>
  one.tab.page.locator(`[data-user="${other.userId}"]`).evaluate((tile: HTMLElement) => {
    const video = tile.querySelector("video")!;
    const { lock, muted } = tile.dataset;
    return { lock, muted, frames: video.getVideoPlaybackQuality().totalVideoFrames, width: video.videoWidth };
  });

/** Waits until more frames of somebody are shown. */
async function sees(one: Person, other: Person): Promise<void> {
  let first: number | undefined;
  await until(
    `${one.name} sees ${other.name}`,
    async () => {
      if ((await one.tab.page.locator(`[data-user="${other.userId}"]`).count()) === 0) return false;
      const now = (await tileOf(one, other)).frames;
      // Another track begins at 0 again.
      first = Math.min(first ?? now, now);
      return now >= first + frames;
    },
    limitMs,
  );
}

/** The level of the other voice at its loudest in three seconds: fake microphones beep once a second. */
const loudness = (one: Person): Promise<number> =>
  one.tab.page.locator("audio").evaluate(async (audio: HTMLAudioElement) => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context);
    new MediaStreamAudioSourceNode(context, { mediaStream: audio.srcObject as MediaStream }).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let loudest = 0;
    for (const endsAt = performance.now() + 3_000; performance.now() < endsAt; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      analyser.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, ...samples);
    }
    await context.close();
    return Math.round(loudest * 1_000) / 1_000;
  });
