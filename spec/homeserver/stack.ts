// Starts the real stack once for all specs of this folder, tells them its addresses, and stops the homeserver for them.
import { once } from "node:events";
import type { TestProject } from "vitest/node";
import { listen } from "../../examples/stack/ports.ts";
import { startStack } from "../../examples/stack/stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    homeserver: string;
    service: string;
    /** Where specs, which run in other processes, ask for the homeserver to be stopped and started. */
    control: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ limitMs: 20 * 60_000, say: console.log });
  const { server: control, port } = await listen(0);
  control.on("request", async ({ url }, response) => {
    const act = url === "/stop" ? stack.stopHomeserver : stack.startHomeserver;
    const status = await act().then(
      () => 204,
      () => 500,
    );
    response.writeHead(status).end();
  });
  provide("homeserver", stack.homeserver);
  provide("service", stack.service);
  provide("control", `http://127.0.0.1:${port}`);
  return async () => {
    control.close();
    control.closeAllConnections();
    await once(control, "close");
    await stack.stop();
  };
}
