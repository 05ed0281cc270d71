// NodeMember: a member in a process of its own. It takes commands, and it can be frozen and killed.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { redacted } from "../e2e/redact.ts";
import { until } from "../e2e/until.ts";
import type { MemberCommand, MemberReport, MemberSettings } from "./report.ts";

const program = fileURLToPath(new URL("process.ts", import.meta.url));
const startMs = 60_000;
const keptLines = 300;

export class NodeMember {
  readonly name: string;
  readonly settings: MemberSettings;
  readonly #child: ChildProcess;
  /** The latest decisions and errors of the process. */
  readonly complaints: string[] = [];
  #report: MemberReport | undefined;

  private constructor(name: string, settings: MemberSettings, prefix: readonly string[]) {
    this.name = name;
    this.settings = settings;
    const [command = "", ...args] = [...prefix, process.execPath, program];
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, MEMBER: JSON.stringify(settings) },
    });
    this.#child = child;
    createInterface({ input: child.stdout! }).on("line", (line) => {
      // The native part may print as well.
      if (line.startsWith('{"ts":')) this.#report = JSON.parse(line) as MemberReport;
    });
    createInterface({ input: child.stderr! }).on("line", (line) => {
      this.complaints.push(redacted(line).slice(0, 300));
      if (this.complaints.length > keptLines) this.complaints.shift();
    });
    child.stdin!.on("error", () => {});
  }

  /**
   * Starts a member that is not in the call yet.
   *
   * @param prefix A command that runs the process elsewhere, for instance in a network namespace.
   */
  static async start(name: string, settings: MemberSettings, prefix: readonly string[] = []): Promise<NodeMember> {
    const member = new NodeMember(name, settings, prefix);
    await until(`${name} starts`, async () => member.#report !== undefined || member.#assertAlive(), startMs);
    return member;
  }

  get userId(): string {
    return this.settings.userId;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Its last report. A stopped process makes none. */
  get report(): MemberReport {
    this.#assertAlive();
    return this.#report!;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  tell(command: MemberCommand): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  /** Joins, and waits until it is in the call. */
  async join(withinMs = 30_000): Promise<void> {
    this.tell({ command: "join" });
    await until(`${this.name} is in the call`, async () => this.report.status === "joined", withinMs);
  }

  async leave(): Promise<void> {
    this.tell({ command: "leave" });
    await until(`${this.name} has left`, async () => this.report.status === "out", 15_000);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends the process in any state. */
  async end(): Promise<void> {
    if (!this.isAlive) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.thaw();
    this.kill();
    await ended;
  }

  #assertAlive(): false {
    if (!this.isAlive) throw new Error(`${this.name} has ended: ${this.complaints.slice(-20).join("\n")}`);
    return false;
  }
}

/** Whether each of the members has heard each other one since a time, and can decrypt it. */
export function allHear(members: readonly NodeMember[], sinceTs: number): boolean {
  return members.every(({ report, userId }) =>
    members.every((other) => other.userId === userId || (report.heard[other.userId]?.lastTs ?? 0) > sinceTs),
  );
}

/** What is missing of "each hears each other", in words. */
export function unheard(members: readonly NodeMember[], sinceTs: number): string {
  return members
    .flatMap(({ name, report, userId }) =>
      members
        .filter((other) => other.userId !== userId && (report.heard[other.userId]?.lastTs ?? 0) <= sinceTs)
        .map((other) => `${name} does not hear ${other.name} (${report.encryption[other.userId] ?? "no member"})`),
    )
    .join(", ");
}
