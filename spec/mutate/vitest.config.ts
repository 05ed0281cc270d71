// The specs that judge the mutants of one folder: MUTATE=keys.
import { defineConfig, mergeConfig } from "vitest/config";
import usual from "../../vitest.config.ts";

const folder = process.env["MUTATE"] ?? "rx";

export default defineConfig({
  ...mergeConfig(usual, {}),
  test: { ...usual.test, include: [`spec/${folder}/**/*.spec.ts`], typecheck: { enabled: false } },
});
