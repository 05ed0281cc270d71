// The specs that judge the mutants of one folder: MUTATE=keys.
import { defineConfig } from "vitest/config";
import usual from "../../vitest.config.ts";
import { lastingThread } from "./lasting-thread.ts";

const folder = process.env["MUTATE"] ?? "rx";

/** Specs that take seconds or measure CPU time, and specs that replace modules, which needs a process of their own. */
const slow = [
  "spec/history/flood.spec.ts",
  "spec/join/upheavals.property.spec.ts",
  "spec/keys/budgets.spec.ts",
  "spec/keys/ratchet.property.spec.ts",
  "spec/room/events/fuzz.spec.ts",
  "spec/room/long-strings.spec.ts",
  "spec/room/streams/hostile.spec.ts",
];

/** Folders whose specs judge this folder, too. */
const others: Readonly<Record<string, readonly string[]>> = {
  keys: ["encryption"],
  encryption: ["keys"],
  membership: ["sessions"],
};

const own = usual.test!;

export default defineConfig({
  ...usual,
  plugins: [
    {
      name: "lasting-thread",
      // Stryker sets the pool by itself, so this has to come after it.
      configureVitest: ({ project }) =>
        void Object.assign(project.config, { pool: lastingThread.name, poolRunner: lastingThread }),
    },
  ],
  test: {
    ...own,
    include: [folder, ...(others[folder] ?? [])].map((name) => `spec/${name}/**/*.spec.ts`),
    exclude: [...own.exclude!, ...slow],
    setupFiles: ["spec/mutate/inactive.ts", ...own.setupFiles!],
    typecheck: { enabled: false },
    isolate: false,
  },
});
