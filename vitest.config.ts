import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^matrixrtc-rx$/, replacement: source("index.ts") },
      { find: /^matrixrtc-rx\/(.+)$/, replacement: source("$1/index.ts") },
    ],
  },
  test: {
    include: ["spec/**/*.spec.ts"],
    exclude: ["spec/e2e/**", "spec/homeserver/**", "spec/bench/**"],
    // Generous, since slow machines are no faults: what waits here waits for conditions.
    testTimeout: 30_000,
  },
});
