// MemberProcess: a child process with members in it: their reports, their logs, and commands to them.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { redacted } from "../e2e/redact.ts";
import type { AddressedCommand, AddressedReport, MemberReport, MemberSettings } from "./report.ts";

const program = fileURLToPath(new URL("process.ts", import.meta.url));
const keptLines = 300;

export class MemberProcess {
  readonly #child: ChildProcess;
  readonly #reports = new Map<number, MemberReport>();
  readonly #lines: (readonly [at: number | undefined, line: string])[] = [];

  /** @param prefix A command that runs the process elsewhere. */
  constructor(settings: readonly MemberSettings[], prefix: readonly string[]) {
    const [command = "", ...args] = [...prefix, process.execPath, program];
    this.#child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, MEMBERS: JSON.stringify(settings) },
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      // The native part may print as well.
      if (!line.startsWith('{"from":')) return;
      const { from, ...report } = JSON.parse(line) as AddressedReport;
      this.#reports.set(from, report);
    });
    createInterface({ input: this.#child.stderr! }).on("line", (line) => {
      const [, at, words = line] = /^#(\d+) (.*)$/.exec(line) ?? [];
      this.#lines.push([at === undefined ? undefined : Number(at), redacted(words).slice(0, 300)]);
      if (this.#lines.length > keptLines * settings.length) this.#lines.shift();
    });
    this.#child.stdin!.on("error", () => {});
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last report of a member. A stopped process makes none. */
  reportOf(at: number): MemberReport | undefined {
    return this.#reports.get(at);
  }

  /** The latest decisions of a member, and errors of the process. */
  linesOf(at: number): readonly string[] {
    return this.#lines.filter(([of]) => of === undefined || of === at).map(([, line]) => line);
  }

  tell(command: AddressedCommand): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it in any state. */
  async end(): Promise<void> {
    if (!this.isAlive) return;
    const ended = once(this.#child, "exit");
    this.signal("SIGCONT");
    this.signal("SIGKILL");
    await ended;
  }
}
