// Pool: worker processes that share the seeds. A seed that takes too long is a violation too.
import { type ChildProcess, fork } from "node:child_process";
import type { Result, Task } from "./worker.ts";

/** No seed takes that long, unless it never ends: a minute at most, and more on a machine that is busy with other work. */
const hangMs = 900_000;

export interface PoolOptions {
  readonly workers: number;
  /** The folder of the worker: another copy of the sources for a breakage. */
  readonly script: URL;
  readonly tasks: Iterator<Task>;
  readonly onResult: (result: Result) => void;
  /** Whether to stop before all tasks are done. */
  readonly isOver?: () => boolean;
}

export async function runPool(options: PoolOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => runWorker(options)));
}

function runWorker({ script, tasks, onResult, isOver = () => false }: PoolOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let child: ChildProcess;
    let task: Task | undefined;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      child.removeAllListeners();
      child.kill();
      resolve();
    };
    const next = () => {
      clearTimeout(timer);
      const { done, value } = isOver() ? { done: true, value: undefined } : tasks.next();
      if (done || !value) return end();
      task = value;
      timer = setTimeout(() => {
        child.removeAllListeners();
        child.kill("SIGKILL");
        onResult(hung(task!.seed));
        start();
      }, hangMs);
      child.send(task);
    };
    const start = () => {
      child = fork(script, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
      child.on("message", (result: Result) => {
        onResult(result);
        next();
      });
      child.on("exit", (code) => reject(new Error(`a worker ended with ${code} at seed ${task?.seed}`)));
      next();
    };
    start();
  });
}

const hung = (seed: number): Result => ({
  seed,
  violation: { invariant: 8, how: "a seed does not end", atMs: 0, device: undefined, about: "" },
  report: undefined,
  virtualMs: 0,
  logHash: 0,
});
