// `npm run call`: starts the stack, serves the call app and prints the link to open. Ctrl-C ends both.
import { fileURLToPath } from "node:url";
import { startStack } from "../stack/stack.ts";
import { serve } from "./serve.ts";

const limitMs = 12 * 3_600_000;
const configFile = fileURLToPath(new URL("vite.config.ts", import.meta.url));

let interrupt: () => void = () => process.exit(130);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt());

try {
  const [stack, app] = await Promise.all([startStack({ limitMs, say: console.log }), serve(configFile, 5173)]);
  interrupt = () => void stack.stop();
  console.log(`open ${app.url}?homeserver=${encodeURIComponent(stack.homeserver)}`);
  console.log("register, create a room, and open its link in another window; Ctrl-C stops everything");
  await stack.stopped;
  await app.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
