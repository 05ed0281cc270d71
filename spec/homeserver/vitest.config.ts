// The specs that need a real homeserver and no browser: `npm run e2e:homeserver`.
import { mergeConfig } from "vitest/config";
import shared from "../../vitest.config.ts";
import { figuresReporter } from "./figures.ts";

const config = mergeConfig(shared, {
  test: {
    globalSetup: ["spec/homeserver/stack.ts"],
    fileParallelism: false,
    silent: "passed-only",
    // A session of matrix-js-sdk asks for such a timer when a member has just lapsed.
    execArgv: ["--disable-warning=TimeoutNegativeWarning"],
    reporters: ["default", figuresReporter],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
// Merging adds to lists; these are to be replaced.
config.test.include = ["spec/homeserver/*.spec.ts"];
config.test.exclude = [];
config.test.typecheck = { enabled: false };
export default config;
