// Figures: what a member that stays costs while others come and go, beside what `rotationCost` predicts.
import { rotationCost } from "matrixrtc-rx/testing";
import type { NodeMember } from "../node-member/node-member.ts";
import type { MemberReport } from "../node-member/report.ts";

export type Snapshot = Pick<MemberReport, "ts" | "keysCreated" | "keysSent" | "requests" | "cpuMs" | "memoryMb">;

export const snapshotOf = ({ report }: NodeMember): Snapshot => report;

const hourMs = 3_600_000;

export function figuresOf(
  staying: readonly (readonly [before: Snapshot, after: Snapshot])[],
  { members, changes }: { readonly members: number; readonly changes: number },
): Record<string, string> {
  const mean = (of: (before: Snapshot, after: Snapshot) => number) =>
    staying.reduce((sum, [before, after]) => sum + of(before, after), 0) / staying.length;
  const ms = mean((before, after) => after.ts - before.ts);
  const perHour = (changes * hourMs) / ms;
  const cost = rotationCost({}, { members, joinsPerHour: perHour, leavesPerHour: perHour });
  const inTime = (hourly: number) => ((hourly * ms) / hourMs).toFixed(1);
  const perMinute = (counted: number) => ((counted * 60_000) / ms).toFixed(1);
  const requestsOf = ({ requests }: Snapshot, pattern: RegExp) =>
    Object.entries(requests).reduce((sum, [name, value]) => (pattern.test(name) ? sum + value : sum), 0);
  const requests = (pattern: RegExp) =>
    perMinute(mean((before, after) => requestsOf(after, pattern) - requestsOf(before, pattern)));
  return {
    "measured for s, with members that left and came back": `${(ms / 1_000).toFixed(0)}, ${changes}`,
    "new keys of a member (rotationCost)": `${mean((a, b) => b.keysCreated - a.keysCreated).toFixed(1)} (${inTime(cost.rotationsPerHour)})`,
    "key messages of a member (rotationCost)": `${mean((a, b) => b.keysSent - a.keysSent).toFixed(1)} (${inTime(cost.messagesPerHour)})`,
    "requests of a member in a minute": requests(/./),
    "of these: sync": requests(/sync/),
    "restarts of the delayed leave": requests(/delayed_events/),
    "key messages and key lookups": requests(/sendToDevice|keys\//),
    "CPU of a member": `${((100 * mean((a, b) => b.cpuMs - a.cpuMs)) / ms).toFixed(1)} % of a core`,
    "memory of a member": `${mean((_, after) => after.memoryMb).toFixed(0)} MB`,
  };
}
