// Invariants: what must hold during a fault and afterwards, looked at from outside: from the processes of the others.
import type { NodeMember } from "../node-member/node-member.ts";
import type { Pair } from "./fault.ts";

/** What is wrong with "all see, hear and decrypt all, with their delayed leaves armed"; nothing if that holds. */
export function notConverged(members: readonly NodeMember[], sinceTs: number): string[] {
  const users = members.map(({ userId }) => userId).toSorted();
  return members.flatMap(({ name, userId, report }) => {
    const seen = Object.keys(report.members).toSorted();
    const deaf = members.filter(
      (other) => other.userId !== userId && (report.heard[other.userId]?.lastTs ?? 0) <= sinceTs,
    );
    return [
      ...(report.status === "joined" && !report.probablyLeft ? [] : [`${name} is ${report.status}`]),
      ...(seen.join() === users.join() ? [] : [`${name} sees ${seen.length} of ${users.length} members`]),
      ...(report.delayedLeave === "armed" ? [] : [`the delayed leave of ${name} is ${report.delayedLeave}`]),
      ...deaf.map((other) => `${name} does not hear ${other.name} (${report.encryption[other.userId] ?? "unknown"})`),
    ];
  });
}

/** A machine that is busy hears late. Nobody notices such a gap in a call. */
export const maxGapMs = 1_500;

export interface Gap {
  readonly ms: number;
  /** Whom it concerns, in words. */
  readonly pair: string;
}

/** The longest gap of media whose path was not touched. */
export function longestGap(pairs: readonly Pair[]): Gap | undefined {
  const gaps = pairs.map(([hearer, speaker]): Gap => {
    const ms = hearer.report.heard[speaker.userId]?.longestGapMs ?? Infinity;
    return { ms, pair: `${speaker.name} at ${hearer.name}` };
  });
  return gaps.toSorted((one, other) => other.ms - one.ms)[0];
}
