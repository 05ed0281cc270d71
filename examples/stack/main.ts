// `npm run stack`: starts the stack and keeps it until Ctrl-C. `npm run stack -- --stop` stops it from another terminal.
// `-- --federated`: two homeservers that federate, each with its own SFU and service. `-- --mesh`: a homeserver without SFU.
import { parseArgs } from "node:util";
import { stopStacks } from "./run-folder.ts";
import { startStack } from "./stack.ts";

const limitMs = 12 * 3_600_000;
const parentCheckMs = 1_000;
const flag = { type: "boolean" } as const;
const { values } = parseArgs({ options: { stop: flag, federated: flag, mesh: flag } });

try {
  await (values.stop ? stop() : serve());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function stop() {
  const count = await stopStacks();
  console.log(count === 0 ? "no stack of this folder is running" : `stopped: ${count}`);
}

async function serve() {
  const stack = await startStack({ ...values, limitMs, say: console.log });
  // While the stack starts, no handler is needed: the end of this process ends its children.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stack.stop());
  // If npm is killed, this process goes on and must notice.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || void stack.stop(), parentCheckMs).unref();
  for (const site of [stack, ...(stack.other ? [stack.other] : [])]) {
    console.log(`homeserver             ${site.homeserver} (${site.serverName})`);
    console.log(`SFU                    ${site.sfu || "none: calls are meshes"}`);
    if (site.service) console.log(`authorisation service  ${site.service}`);
  }
  console.log("ready; Ctrl-C stops it");
  await stack.stopped;
  console.log("stopped");
}
