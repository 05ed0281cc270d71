// `npm run call`: starts the stack, serves the call app and prints the link to open. Ctrl-C ends both.
// `-- --mesh`: a homeserver alone, without an SFU: people in the call send their media to each other.
import { build, preview } from "vite";
import { freePort, host } from "../stack/ports.ts";
import { startStack } from "../stack/stack.ts";

const configFile = `${import.meta.dirname}/vite.config.ts`;

try {
  const limitMs = 12 * 3_600_000;
  const stack = await startStack({ mesh: process.argv.includes("--mesh"), limitMs, say: console.log });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stack.stop());
  await build({ configFile, logLevel: "warn" });
  const app = await preview({ configFile, logLevel: "warn", preview: { host, port: await freePort(5173) } });
  console.log(`open ${app.resolvedUrls?.local[0]}?homeserver=${encodeURIComponent(stack.homeserver)}`);
  console.log("register, create a room, and open its link in another window; Ctrl-C stops everything");
  await stack.stopped;
  await app.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
