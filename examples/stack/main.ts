// `npm run stack`: starts the stack and keeps it until Ctrl-C. `npm run stack -- --stop` stops one started elsewhere.
import { parseArgs } from "node:util";
import { stopAll } from "./run-folder.ts";
import { startStack } from "./stack.ts";

const limitMs = 12 * 3_600_000;
const parentCheckMs = 1_000;
const { values } = parseArgs({ options: { stop: { type: "boolean" }, federated: { type: "boolean" } } });

try {
  await (values.stop ? stop() : serve());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function stop() {
  const count = await stopAll();
  console.log(count === 0 ? "no stack is running" : `stopped: ${count}`);
}

async function serve() {
  const stack = await startStack({ federated: values.federated ?? false, limitMs, say: console.log });
  // Before this there is nothing to do: the end of this process ends its children.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stack.stop());
  // npm, when killed, takes nobody with it.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || void stack.stop(), parentCheckMs).unref();
  console.log(`homeserver             ${stack.homeserver} (${stack.serverName})`);
  if (stack.other) console.log(`other homeserver       ${stack.other.homeserver} (${stack.other.serverName})`);
  console.log(`SFU                    ${stack.sfu}`);
  console.log(`authorisation service  ${stack.service}`);
  console.log("ready; Ctrl-C stops it");
  await stack.stopped;
  console.log("stopped");
}
