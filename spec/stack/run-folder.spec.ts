import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

const cache = mkdtempSync(join(tmpdir(), "run-"));
const runs = join(cache, "matrixrtc-rx", "run");
let folders: typeof import("../../examples/stack/run-folder.ts");

beforeAll(async () => {
  vi.stubEnv("XDG_CACHE_HOME", cache);
  folders = await import("../../examples/stack/run-folder.ts");
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

/** A run folder of another copy of the project, and whether anybody has connected to it. */
async function foreignStack(name: string): Promise<{ readonly server: Server; readonly requests: () => number }> {
  mkdirSync(join(runs, name), { recursive: true });
  let requests = 0;
  const server = createServer(() => (requests += 1)).listen(join(runs, name, "stop"));
  await once(server, "listening");
  return { server, requests: () => requests };
}

describe("Stopping stacks", () => {
  test("stops the stack of this copy of the project and waits for its end", async () => {
    const folder = await folders.createRunFolder(() => setTimeout(() => void folder.remove(), 20));
    expect(await folders.stopStacks()).toBe(1);
    expect(await folders.stopStacks()).toBe(0);
  });

  test("does not touch other stacks, and kills no process whose id is in a folder name", async () => {
    const kill = vi.spyOn(process, "kill");
    const foreign = [await foreignStack("0000abcd-x"), await foreignStack(`${process.pid}-x`)];
    expect(await folders.stopStacks()).toBe(0);
    expect(foreign.map(({ requests }) => requests())).toEqual([0, 0]);
    expect(kill).not.toHaveBeenCalled();
    for (const { server } of foreign) server.close();
  });
});
