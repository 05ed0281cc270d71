// Process: child processes that stop when we stop, and the wait until one of them is healthy.
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const guard = fileURLToPath(new URL("guard.ts", import.meta.url));
const pollMs = 50;

export interface Running {
  readonly name: string;
  readonly logFile: string;
  /** Exit code, once it has ended. */
  readonly exited: Promise<number>;
  stop(): Promise<void>;
  /** Ends it at once, like a power cut. */
  kill(): Promise<void>;
}

export interface Command {
  name: string;
  command: string;
  args: string[];
  logFile: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Starts a command under a guard. Its output is appended to the log file. */
export function start({ name, command, args, logFile, cwd, env }: Command): Running {
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [guard, command, ...args], {
    stdio: ["pipe", log, log],
    // A process group of its own: Ctrl-C reaches us only, and we stop the children in order.
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
  });
  closeSync(log);
  const exited = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
  return {
    name,
    logFile,
    exited,
    async stop() {
      child.stdin?.end();
      await exited;
    },
    async kill() {
      // The guard is the leader of a group of its own, with the command in it.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
      await exited;
    },
  };
}

/** Runs a command to its end. */
export async function run(command: Command): Promise<void> {
  const running = start(command);
  if ((await running.exited) !== 0) throw failure(running, "failed");
}

/** Waits until `url` answers 2xx. Throws with the end of the log if the process ends first, or after the deadline. */
export async function untilHealthy(running: Running, url: string, deadlineMs: number): Promise<void> {
  const endsAt = Date.now() + deadlineMs;
  let ended = false;
  const setEnded = () => (ended = true);
  running.exited.then(setEnded, setEnded);
  while (!(await answers(url))) {
    if (ended) throw failure(running, "ended while starting");
    if (Date.now() > endsAt) {
      await running.stop();
      throw failure(running, `was not healthy after ${deadlineMs} ms`);
    }
    await sleep(pollMs);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function failure({ name, logFile }: Running, what: string): Error {
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n");
  return new Error(`${name} ${what}. The last lines of its log:\n${lines.slice(-20).join("\n")}`);
}
