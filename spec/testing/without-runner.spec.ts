// The kit without vitest: `node --test` runs tests of it in a process of its own, with a bare TestScheduler and node:assert.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("The kit needs no test runner: its tests pass under node:test, with a bare TestScheduler", async () => {
  const file = fileURLToPath(new URL("without-runner.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--test", "--test-reporter=tap", file]);
  expect(stdout).toMatch(/# pass 4\n# fail 0/);
});
