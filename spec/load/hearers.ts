// Hearers: which members have heard which, and how long it took.
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeMember } from "../node-member/node-member.ts";

export class Hearers {
  readonly pairs: number;
  readonly #members: readonly NodeMember[];

  constructor(members: readonly NodeMember[]) {
    this.#members = members;
    this.pairs = members.length * (members.length - 1);
  }

  get heard(): number {
    return this.#times().length;
  }

  /** Waits until all hear all, or until the time is over. */
  async all(withinMs: number): Promise<void> {
    const endsAt = performance.now() + withinMs;
    // oxlint-disable-next-line no-await-in-loop
    while (this.heard < this.pairs && performance.now() < endsAt) await sleep(250);
  }

  /** How many pairs do not hear each other yet, by the status of their encryption. */
  waiting(): string {
    const counts = new Map<string, number>();
    for (const { report, userId } of this.#members)
      for (const other of this.#members) {
        if (other.userId === userId || report.heard[other.userId] !== undefined) continue;
        const status = report.members[other.userId] ? (report.encryption[other.userId] ?? "unknown") : "not seen";
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
  }

  missing(): string[] {
    return this.#members.flatMap((hearer) =>
      this.#members
        .filter((other) => other !== hearer && hearer.report.heard[other.userId] === undefined)
        .map(({ name, userId }) => `${hearer.name} does not hear ${name} (${hearer.report.encryption[userId]})`),
    );
  }

  times(): Record<string, string> {
    const times = this.#times().toSorted((a, b) => a - b);
    const at = (share: number) => `${((times[Math.floor(share * (times.length - 1))] ?? NaN) / 1_000).toFixed(1)} s`;
    const lastJoinTs = Math.max(...this.#members.map(({ report }) => report.joinTs));
    const lastHeardTs = Math.max(
      ...this.#members.flatMap(({ report }) => Object.values(report.heard).map(({ firstTs }) => firstTs)),
    );
    return {
      "pairs that hear each other": `${times.length} of ${this.pairs}`,
      "first sound of a pair after both pressed join, median": at(0.5),
      "of nine pairs in ten": at(0.9),
      "of the slowest pair": at(1),
      "pairs of which one sees the other": `${this.#seen()} of ${this.#senders().length * (this.#members.length - 1)}`,
      "all hear all after the last one pressed join": `${((lastHeardTs - lastJoinTs) / 1_000).toFixed(1)} s`,
    };
  }

  /** The users that send pictures. */
  #senders(): string[] {
    return this.#members.filter(({ settings }) => settings.hasVideo).map(({ userId }) => userId);
  }

  #seen(): number {
    const seenBy = ({ report }: NodeMember) => this.#senders().filter((userId) => report.pictures[userId]).length;
    return this.#members.reduce((sum, member) => sum + seenBy(member), 0);
  }

  /** From the moment when both have pressed "join" to the first sound. */
  #times(): number[] {
    return this.#members.flatMap(({ report }) =>
      this.#members.flatMap((other) => {
        const heard = report.heard[other.userId];
        return heard ? [heard.firstTs - Math.max(report.joinTs, other.report.joinTs)] : [];
      }),
    );
  }
}
