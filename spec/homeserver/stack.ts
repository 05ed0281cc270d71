// Stack: starts the real stack once for all specs of this folder, and stops the homeserver when a spec asks for it.
import { once } from "node:events";
import type { TestProject } from "vitest/node";
import { listen } from "../../examples/stack/ports.ts";
import { startStack } from "../../examples/stack/stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    homeserver: string;
    service: string;
    /** Address at which specs ask to stop and start the homeserver. Specs run in other processes. */
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
