// Chromium: from Debian, with fake cameras.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

const executablePath = process.env["CHROMIUM"] || "/usr/bin/chromium";
export const switches: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  // Pages in the background run like pages in the foreground.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

export async function launchChromium(
  say: (line: string) => void,
  wrapper?: string,
  args: readonly string[] = switches,
): Promise<Browser> {
  if (!existsSync(executablePath)) await install(say);
  const path = wrapper ?? executablePath;
  return chromium.launch({ executablePath: path, args: [...args], handleSIGINT: false, handleSIGTERM: false });
}

async function install(say: (line: string) => void) {
  const advice = `Chromium is missing at ${executablePath}. Install it, or name another one by the variable CHROMIUM`;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get"))
    throw new Error(`${advice} (Debian, as root: apt-get install chromium).`);
  say("installing Chromium (once)");
  const apt = (...args: string[]) =>
    promisify(execFile)("apt-get", args, { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
  await apt("update", "-q");
  await apt("install", "-q", "-y", "--no-install-recommends", "chromium");
  if (!existsSync(executablePath)) throw new Error(`${advice}; apt-get install did not create this file.`);
}
