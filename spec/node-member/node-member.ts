// NodeMember: a member in another process. It takes commands, and its process can be frozen and killed.
import { until } from "../e2e/until.ts";
import { MemberProcess } from "./member-process.ts";
import type { MemberCommand, MemberReport, MemberSettings } from "./report.ts";

export interface NamedSettings {
  readonly name: string;
  readonly settings: MemberSettings;
}

const startMs = 60_000;

export class NodeMember {
  readonly name: string;
  readonly settings: MemberSettings;
  readonly #process: MemberProcess;
  /** Its number in its process. */
  readonly #at: number;

  private constructor({ name, settings }: NamedSettings, process: MemberProcess, at: number) {
    this.name = name;
    this.settings = settings;
    this.#process = process;
    this.#at = at;
  }

  /**
   * Starts a member in a process of its own. It is not in the call yet.
   *
   * @param prefix A command that runs the process elsewhere, for instance in a network namespace.
   */
  static async start(name: string, settings: MemberSettings, prefix: readonly string[] = []): Promise<NodeMember> {
    const [member] = await NodeMember.startTogether([{ name, settings }], prefix);
    return member!;
  }

  /** Starts members that share one process: they are frozen, killed and ended together. */
  static async startTogether(all: readonly NamedSettings[], prefix: readonly string[] = []): Promise<NodeMember[]> {
    const process = new MemberProcess(
      all.map(({ settings }) => settings),
      prefix,
    );
    const members = all.map((one, at) => new NodeMember(one, process, at));
    const haveReported = async () =>
      all.every((_, at) => process.reportOf(at) !== undefined) || members[0]!.#assertAlive();
    await until(`${all.map(({ name }) => name).join(", ")} start`, haveReported, startMs * all.length);
    return members;
  }

  get userId(): string {
    return this.settings.userId;
  }

  /** The latest decisions of the member, and errors of its process. */
  get complaints(): readonly string[] {
    return this.#process.linesOf(this.#at);
  }

  /** Its last report. A stopped process makes none. */
  get report(): MemberReport {
    this.#assertAlive();
    return this.#process.reportOf(this.#at)!;
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  tell(command: MemberCommand): void {
    this.#process.tell({ to: this.#at, ...command });
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
    this.#process.signal("SIGKILL");
  }

  freeze(): void {
    this.#process.signal("SIGSTOP");
  }

  thaw(): void {
    this.#process.signal("SIGCONT");
  }

  /** Ends the process in any state. */
  end(): Promise<void> {
    return this.#process.end();
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
