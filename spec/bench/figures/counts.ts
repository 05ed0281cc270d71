// counts: the work of following a call of 1,000: parses of each event, hashes of each membership, timers.
import { setTimeout as pause } from "node:timers/promises";
import { joinEvent, range, type RawEvent } from "../call-events.ts";
import { counting, HashCount, TimerCount } from "../counters.ts";
import type { Figure } from "../figure.ts";
import { expectMembers, ours, oursOnSdk, peer, type Side } from "../sides.ts";

const memberCount = 1000;
/** These join after the others, one by one. A wasteful side would parse or hash the others again each time. */
const lateCount = 20;

export async function counts(): Promise<Figure[]> {
  const sides = { ours: await countsOf(ours), onSdk: await countsOf(oursOnSdk), peer: await countsOf(peer) };
  const figures = (name: string, what: string, unit: string, of: (counts: Counts) => number, goal = {}): Figure[] => {
    const common = { unit, peer: of(sides.peer), goal };
    return [
      { ...common, name, what: `${what}, over a port in memory`, ours: of(sides.ours) },
      { ...common, name: `${name}Adapter`, what: "the same through fromMatrixClient", ours: of(sides.onSdk) },
    ];
  };
  const one = { atMost: 1 };
  const late = `${memberCount} members at once and ${lateCount} one by one`;
  return [
    ...figures("counts", `${late}: parses of each event`, "parses", ({ parses }) => parses, one),
    ...figures("countsHashes", "hashes of each sticky membership", "hashes", ({ hashes }) => hashes, one),
    ...figures("countsTimers", "timers that wait", "timers", ({ timers }) => timers, one),
    ...figures("countsTimersArmed", "timers armed in all", "timers", ({ armed }) => armed),
  ];
}

interface Counts {
  readonly parses: number;
  readonly hashes: number;
  readonly timers: number;
  readonly armed: number;
}

async function countsOf(side: Side): Promise<Counts> {
  const parses = await parsesPerEvent(side);
  const timers = new TimerCount();
  // State events only: for sticky events the store of the SDK sets timers of its own.
  await follow(
    side,
    range(0, memberCount + lateCount).map((n) => joinEvent("state", n)),
  );
  await pause(10);
  const { waiting, armed } = timers;
  timers.stop();
  const hashes = new HashCount();
  await follow(
    side,
    range(0, memberCount + lateCount).map((n) => joinEvent("sticky", n)),
  );
  hashes.stop();
  return { parses, hashes: hashes.count / (memberCount + lateCount), timers: waiting, armed };
}

/** All reads of a field, divided by the reads of one parse, which an event alone in a call shows. */
async function parsesPerEvent(side: Side): Promise<number> {
  let reads = 0;
  const counted = (n: number) => counting(joinEvent("state", n), "device_id", () => (reads += 1));
  await follow(side, [counted(0)]);
  const inOneParse = reads;
  reads = 0;
  await follow(side, range(0, memberCount + lateCount).map(counted));
  return reads / inOneParse / (memberCount + lateCount);
}

/** Applies the first 1,000 events at once, and the others one by one. */
async function follow(side: Side, events: readonly RawEvent[]): Promise<void> {
  const call = side(events.length);
  await call.prepare(events.slice(0, memberCount))();
  for (const event of events.slice(memberCount)) await call.prepare([event])();
  expectMembers(call, events.length);
  closeLater.push(call);
}

/** Followers stay open until their timers are counted. */
const closeLater: { close(): void }[] = [];
