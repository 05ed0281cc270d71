// World: what the scenarios share: a stack, the served pages and a browser.
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { serve } from "./serve.ts";
import { startStack, type Stack } from "../../examples/stack/stack.ts";
import { launchChromium } from "./chromium.ts";

export interface World {
  readonly stack: Stack;
  /** The call app, with probes. */
  readonly app: string;
  /** The pages of other clients. */
  readonly pages: string;
  readonly browser: Browser;
  /** How our members join. */
  readonly mode: string;
  /** What a join does to their keys. The default of the library unless given. */
  readonly onJoin?: "ratchet";
}

/** The same world for people of the second homeserver of a federated stack. */
export const atOtherSite = (world: World): World => ({ ...world, stack: { ...world.stack, ...world.stack.other! } });

const limitMs = 90 * 60_000;
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Starts a world, runs something in it, and stops the world in any case. */
export async function inWorld(
  { mode, federated, say }: { mode: string; federated: boolean; say: (line: string) => void },
  run: (world: World) => Promise<void>,
): Promise<void> {
  const ends: (() => Promise<unknown>)[] = [];
  const own = <T>(part: T, stop: (part: T) => Promise<unknown>): T => {
    ends.unshift(() => stop(part));
    return part;
  };
  let ended: Promise<unknown> | undefined;
  const end = () => (ended ??= Promise.allSettled(ends.map((one) => one())));
  const interrupt = () => void end().then(() => process.exit(130));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const stack = own(await startStack({ federated, limitMs, say }), (one) => one.stop());
    const app = own(await serve(path("pages/call.vite.config.ts")), (one) => one.close());
    const pages = own(await serve(path("pages/vite.config.ts")), (one) => one.close());
    const browser = own(await launchChromium(say), (one) => one.close());
    await run({ stack, app: app.url, pages: pages.url, browser, mode });
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await end();
  }
}
