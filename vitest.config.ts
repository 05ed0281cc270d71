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
    // What the public types promise. The other sources are checked by `npm run types`.
    typecheck: {
      enabled: true,
      include: ["spec/types/**/*.spec-d.ts"],
      tsconfig: "tsconfig.check.json",
      ignoreSourceErrors: true,
    },
    setupFiles: ["spec/support/seeded-random.ts"],
    // Generous, since slow machines are no faults: what waits here waits for conditions.
    testTimeout: 30_000,
  },
});
