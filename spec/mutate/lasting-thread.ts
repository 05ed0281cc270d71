// LastingThread: a pool of Vitest whose thread outlives a run, so that a mutant need not load rxjs and the library again.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";

/** What mutants leave behind, such as timers, goes with the thread. So it does not last for ever. */
const mostRuns = 40;

type Listener = (message: unknown) => void;

let shared: { readonly thread: Worker; runs: number } | undefined;

/** One thread for many runs. It is started once: later requests to start and stop are answered here. */
class LastingThread implements PoolWorker {
  readonly name = "lasting-thread";
  readonly #options: PoolOptions;
  readonly #listeners: [event: string, listener: Listener][] = [];
  #isFirst = false;
  #config: unknown;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#isFirst = !shared;
    const { distPath, env, execArgv } = this.#options;
    shared ??= { thread: new Worker(join(distPath, "workers/threads.js"), { env, execArgv }), runs: 0 };
    shared.thread.ref();
  }

  on(event: string, listener: Listener): void {
    this.#listeners.push([event, listener]);
    shared?.thread.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    const at = this.#listeners.findIndex((each) => each[0] === event && each[1] === listener);
    if (at >= 0) this.#listeners.splice(at, 1);
    shared?.thread.off(event, listener);
  }

  send(request: WorkerRequest): void {
    if (request.type === "start") {
      this.#config = request.context.config;
      if (!this.#isFirst) return this.#answer("started");
    }
    if (request.type === "stop") return this.#answer("stopped");
    // The thread has the options of its first run. Each run has its own, for instance which tests it is about.
    if (request.type === "run") Object.assign(request.context, { config: this.#config });
    shared?.thread.postMessage(request, []);
  }

  async stop(): Promise<void> {
    if (!shared) return;
    const { thread } = shared;
    for (const [event, listener] of this.#listeners.splice(0)) thread.off(event, listener);
    thread.unref();
    shared.runs += 1;
    if (shared.runs < mostRuns) return;
    shared = undefined;
    await thread.terminate();
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  #answer(type: "started" | "stopped"): void {
    const listeners = this.#listeners.filter(([event]) => event === "message");
    for (const [, listener] of listeners) listener({ type, __vitest_worker_response__: true });
  }
}

export const lastingThread: PoolRunnerInitializer = {
  name: "lasting-thread",
  createPoolWorker: (options) => new LastingThread(options),
};
