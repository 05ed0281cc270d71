// The specs that need a real homeserver and no browser: `npm run e2e:homeserver`.
import { mergeConfig } from "vitest/config";
import shared from "../../vitest.config.ts";
import { figuresReporter } from "./figures.ts";

const config = mergeConfig(shared, {
  test: {
    globalSetup: ["spec/homeserver/stack.ts"],
    fileParallelism: false,
    silent: "passed-only",
    // A session of matrix-js-sdk sets a negative timer when a member has just expired.
    execArgv: ["--disable-warning=TimeoutNegativeWarning"],
    reporters: ["default", figuresReporter],
    // The shortest expiry is a minute, and some specs wait for one.
    testTimeout: 150_000,
    hookTimeout: 60_000,
  },
});
// Merging appends to lists, so these lists are replaced.
config.test.include = ["spec/homeserver/*.spec.ts"];
config.test.exclude = [];
config.test.typecheck = { enabled: false };
// Real devices draw real random numbers: with a sequence of their own, the users of two spec files had the same names.
config.test.setupFiles = [];
export default config;
