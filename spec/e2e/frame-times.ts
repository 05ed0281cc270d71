// FrameTimes: when each decoded frame of a person was ready. A worker records it, since a busy page does not delay workers.
import type { Person } from "./person.ts";

declare global {
  interface Window {
    frameTimes?: () => Promise<number[]>;
  }
}

/** Records from now on. Calling the result gives the times so far, by the clock. */
export async function recordFrames(at: Person, of: Pick<Person, "userId">): Promise<() => Promise<readonly number[]>> {
  const { page } = at.tab;
  await page.evaluate((userId) => {
    const video = [...document.querySelectorAll("video")].find(
      (one) => one.closest("article")?.dataset["user"] === userId,
    );
    const [track] = (video!.srcObject as MediaStream).getVideoTracks();
    // @ts-expect-error TypeScript does not have this type yet.
    const { readable } = new MediaStreamTrackProcessor({ track: track.clone() });
    const source = `
      const times = [];
      const record = async (reader) => {
        for (;;) {
          const { done, value: frame } = await reader.read();
          if (done) return;
          times.push(performance.timeOrigin + performance.now());
          frame.close();
        }
      };
      onmessage = ({ data }) => (data ? record(data.getReader()) : postMessage(times));
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    worker.postMessage(readable, [readable]);
    window.frameTimes = () =>
      new Promise((resolve) => {
        worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
        worker.postMessage(undefined, []);
      });
  }, of.userId);
  return () => page.evaluate(() => window.frameTimes!());
}

/** Milliseconds from frame to frame. */
export interface Gaps {
  readonly frames: number;
  /** The longest gap near each instant. */
  readonly atSwitches: readonly number[];
  readonly elsewhere: { readonly longest: number; readonly median: number };
}

const beforeMs = 1_000;
const afterMs = 2_000;

/** The gaps near some instants, and all other gaps for comparison. */
export function gapsAround(times: readonly number[], instants: readonly number[]): Gaps {
  const gaps = times.slice(1).map((end, at) => ({ start: times[at]!, end, ms: Math.round(end - times[at]!) }));
  const isNear = ({ start, end }: { start: number; end: number }, instant: number) =>
    end > instant - beforeMs && start < instant + afterMs;
  const elsewhere = gaps
    .filter((gap) => !instants.some((instant) => isNear(gap, instant)))
    .map(({ ms }) => ms)
    .toSorted((one, other) => one - other);
  const longest = (some: typeof gaps) => Math.max(...some.map(({ ms }) => ms));
  return {
    frames: times.length,
    atSwitches: instants.map((instant) => longest(gaps.filter((gap) => isNear(gap, instant)))),
    elsewhere: { longest: elsewhere.at(-1) ?? 0, median: elsewhere[Math.floor(elsewhere.length / 2)] ?? 0 },
  };
}
