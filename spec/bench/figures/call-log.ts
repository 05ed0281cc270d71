// callLog: the calls of a room with 10,000 membership events: all at once, in a new process, in pages, and one more event afterwards. Processor time.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { callHistory } from "../../../src/history/call-history.ts";
import { CallLog } from "../../../src/history/call-log.ts";
import { eventAt, eventCount, past, portWithPast } from "../call-history.ts";
import type { Figure } from "../figure.ts";
import { type Effort, inTurns } from "../measure.ts";
import { processorMs } from "../processor-time.ts";

const coldRuns = 7;
const liveEvents = 100;
const coldFile = fileURLToPath(new URL("../cold-call-log.ts", import.meta.url));

export async function callLog({ turns }: Effort): Promise<Figure[]> {
  const events = past();
  const atOnce = await inTurns(turns, {
    ours: () =>
      elapsed(
        () => new CallLog(),
        (log) => putAll(log, events),
      ),
  });
  const paged = await inTurns(turns, { ours: () => elapsed(() => portWithPast(events).matrix, readAll) });
  let next = eventCount;
  const { matrix, happen } = portWithPast(events);
  let calls = 0;
  const reading = callHistory(matrix, "!room").subscribe((history) => (calls = history.calls.length));
  const more = () => Array.from({ length: liveEvents }, () => eventAt(next++));
  const live = await inTurns(turns, {
    ours: () => elapsed(more, (arrived) => arrived.forEach(happen)) / liveEvents,
  });
  reading.unsubscribe();
  if (calls === 0) throw new Error("no calls");
  const figures = { ...atOnce, unit: "ms", goal: { atMost: 50 } };
  return [
    { ...figures, name: "callLog", what: "the calls of 10,000 events, newest first" },
    {
      ...figures,
      ours: await coldMs(),
      name: "callLogCold",
      what: "the same as the first work of a process",
    },
    { ...figures, ...paged, name: "callLogPages", what: "the same in 100 pages, with an emission after each" },
    { ...live, name: "callLogLive", what: "one more event after that", unit: "ms", goal: { atMost: 1 } },
  ];
}

export function putAll(log: CallLog, events: ReturnType<typeof past>): void {
  for (const event of events) log.put(event);
  if (log.sessions.length === 0) throw new Error("no calls");
}

function readAll(matrix: ReturnType<typeof portWithPast>["matrix"]): void {
  let calls = 0;
  callHistory(matrix, "!room")
    .subscribe((history) => (calls = history.calls.length))
    .unsubscribe();
  if (calls === 0) throw new Error("no calls");
}

function elapsed<T>(prepare: () => T, run: (prepared: T) => void): number {
  const prepared = prepare();
  const start = processorMs();
  run(prepared);
  return processorMs() - start;
}

/** The least of several processes: other work of the machine can only add to it. */
async function coldMs(): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < coldRuns; run += 1) {
    const child = fork(coldFile);
    // The processes must not disturb each other.
    // oxlint-disable-next-line no-await-in-loop
    const [ms] = (await once(child, "message")) as [number];
    times.push(ms);
  }
  return Math.min(...times);
}
