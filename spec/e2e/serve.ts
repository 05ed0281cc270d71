// Serving pages: bundled once, then served on the loopback interface.
import { build, preview } from "vite";
import { freePort, host } from "../../examples/stack/ports.ts";

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds the pages that a Vite configuration names, and serves them. */
export async function serve(configFile: string, usualPort = 0): Promise<Served> {
  await build({ configFile, logLevel: "warn" });
  const port = await freePort(usualPort);
  const server = await preview({ configFile, logLevel: "warn", preview: { host, port, strictPort: true } });
  return { url: `http://${host}:${port}/`, close: () => server.close() };
}
