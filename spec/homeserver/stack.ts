// Starts the real stack once for all specs of this folder, and tells them its addresses.
import type { TestProject } from "vitest/node";
import { startStack } from "../../examples/stack/stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    homeserver: string;
    service: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ limitMs: 20 * 60_000, say: console.log });
  provide("homeserver", stack.homeserver);
  provide("service", stack.service);
  return () => stack.stop();
}
