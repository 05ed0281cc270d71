import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { run, start, untilHealthy } from "../../examples/stack/process.ts";

const folder = mkdtempSync(join(tmpdir(), "stack-spec-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that prints its id and goes on until it is stopped. */
const stays = (name: string) => ({
  name,
  command: process.execPath,
  args: ["-e", "console.log(process.pid); setInterval(() => {}, 1000)"],
  logFile: join(folder, name),
});

async function pidIn(logFile: string): Promise<number> {
  return vi.waitFor(() => {
    const pid = Number(readFileSync(logFile, "utf8"));
    expect(pid).toBeGreaterThan(0);
    return pid;
  }, 5_000);
}

const isGone = (pid: number) => () => expect(() => process.kill(pid, 0)).toThrow("ESRCH");

describe("A guarded process", () => {
  test("ends when it is stopped", async () => {
    const running = start(stays("stopped"));
    const pid = await pidIn(running.logFile);
    await running.stop();
    isGone(pid)();
  });

  test("ends at once, with its command, when it is killed", async () => {
    const running = start(stays("power-cut"));
    const pid = await pidIn(running.logFile);
    await running.kill();
    await vi.waitFor(isGone(pid), 5_000);
  });

  test("ends when its holder is killed", async () => {
    const command = JSON.stringify(stays("killed"));
    const module = JSON.stringify(new URL("../../examples/stack/process.ts", import.meta.url).href);
    const code = `import(${module}).then(({ start }) => start(${command}))`;
    const holder = spawn(process.execPath, ["-e", code], { stdio: "ignore" });
    const pid = await pidIn(join(folder, "killed"));
    holder.kill("SIGKILL");
    await vi.waitFor(isGone(pid), 5_000);
  });

  test("shows the end of its log when it fails", async () => {
    const code = "for (let i = 1; i <= 30; i++) console.log(`line ${i}.`); process.exit(3)";
    const failing = { name: "It", command: process.execPath, args: ["-e", code], logFile: join(folder, "failing") };
    const error: unknown = await run(failing).catch((reason: unknown) => reason);
    expect(String(error)).toContain("It failed");
    expect(String(error)).toContain("line 30.");
    expect(String(error)).not.toContain("line 10.");
    await expect(untilHealthy(start(failing), "http://127.0.0.1:1/", 5_000)).rejects.toThrow("ended while starting");
  });

  test("is stopped when it is not healthy in time", async () => {
    const running = start(stays("ill"));
    const pid = await pidIn(running.logFile);
    await expect(untilHealthy(running, "http://127.0.0.1:1/", 10)).rejects.toThrow("not healthy after 10 ms");
    isGone(pid)();
  });
});
