// Busy: how much of the processor the parts of a run use, by the process table of Linux. Elsewhere it is not known.
import { readdirSync, readFileSync } from "node:fs";

export type Part = "homeserver" | "SFU" | "members" | "service and load tool";

const programs: readonly (readonly [Part, RegExp])[] = [
  ["homeserver", /synapse\.app\.homeserver/],
  ["SFU", /livekit-server/],
  ["members", /node-member\/process\.ts/],
];
const ticksPerS = 100;

/** CPU seconds of each part since its start. */
export type CpuTimes = ReadonlyMap<Part, number>;

export function cpuTimes(): CpuTimes {
  const parents = new Map<number, number>();
  const seconds = new Map<number, number>();
  for (const pid of process.platform === "linux" ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)) : []) {
    const [parent, spent] = statOf(pid);
    parents.set(Number(pid), parent);
    seconds.set(Number(pid), spent);
  }
  const isOurs = (pid: number): boolean => pid === process.pid || (pid > 1 && isOurs(parents.get(pid) ?? 0));
  const times = new Map<Part, number>();
  for (const [pid, spent] of seconds) {
    const part = isOurs(pid) ? partOf(pid) : undefined;
    if (part) times.set(part, (times.get(part) ?? 0) + spent);
  }
  return times;
}

/** What the parts used between two instants, in words: `members 63 %` is that part of one core. */
export function busyBetween(before: CpuTimes, after: CpuTimes, ms: number): string {
  const share = (part: Part) => Math.round((100_000 * ((after.get(part) ?? 0) - (before.get(part) ?? 0))) / ms);
  return [...after.keys()].map((part) => `${part} ${share(part)} %`).join(", ");
}

function statOf(pid: string): readonly [parent: number, seconds: number] {
  const text = read(`/proc/${pid}/stat`);
  // The name of the program is in parentheses, and may contain blanks.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return [Number(fields[1]), (Number(fields[11]) + Number(fields[12])) / ticksPerS];
}

function partOf(pid: number): Part | undefined {
  if (pid === process.pid) return "service and load tool";
  const command = read(`/proc/${pid}/cmdline`);
  // Guards have the command that they run among their arguments, and use no time.
  return programs.find(([, pattern]) => pattern.test(command))?.[0];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended meanwhile.
    return "";
  }
}
