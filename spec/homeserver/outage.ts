// Outage: stops the real homeserver for some time.
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";

/** Stops the homeserver and starts it again. Resolves when it answers again. */
export async function outage(ms: number): Promise<void> {
  await ask("stop");
  await sleep(ms);
  await ask("start");
}

async function ask(what: "stop" | "start"): Promise<void> {
  const { ok } = await fetch(`${inject("control")}/${what}`, { method: "POST" });
  if (!ok) throw new Error(`the homeserver did not ${what}`);
}
