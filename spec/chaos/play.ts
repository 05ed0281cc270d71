// Play: one call for all faults of a mode. Each fault begins when all is well, and ends when all is well again.
import { setTimeout as sleep } from "node:timers/promises";
import { startStack } from "../../examples/stack/stack.ts";
import { register, joinRoom } from "../e2e/account.ts";
import { startCrew } from "../node-member/crew.ts";
import { writeLogs } from "../node-member/logs.ts";
import { NodeMember } from "../node-member/node-member.ts";
import { addresses, type Fault, type Scene } from "./fault.ts";
import { type Gap, longestGap, maxGapMs, notConverged } from "./invariants.ts";
import { Network, networkInterface } from "./network.ts";

/** The outcome of a fault. */
export interface Row {
  readonly fault: string;
  readonly mode: string;
  /** How often Alice and Bob saw a member leave, the higher of both. */
  readonly departures: number;
  /** The longest gap of media whose path was not touched. Undefined if there was none. */
  readonly gapMs: number | undefined;
  readonly convergedMs: number | undefined;
  readonly more: string;
  /** What did not hold. */
  readonly problems: readonly string[];
}

const beginMs = 90_000;
const convergeMs = 30_000;
/** What is meant to be absorbed must stay quiet afterwards as well. */
const quietMs = 3_000;

export async function playFaults(faults: readonly Fault[], mode: string, say: (line: string) => void): Promise<Row[]> {
  const ends: (() => Promise<unknown>)[] = [];
  let ending: Promise<void> | undefined;
  const endAll = async () => {
    // The members first, the network last.
    // oxlint-disable-next-line no-await-in-loop
    for (const one of ends.toReversed()) await one().catch(() => {});
  };
  const end = () => (ending ??= endAll());
  const interrupt = () => void end().then(() => process.exit(130));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const network = await Network.create(Object.values(addresses));
    ends.push(() => network.remove());
    const stack = await startStack({
      federated: true,
      addresses: [
        { homeserver: addresses.homeserver, sfu: addresses.sfu, networkInterface },
        { homeserver: addresses.otherHomeserver, sfu: addresses.otherSfu, networkInterface },
      ],
      limitMs: 60 * 60_000,
      say,
    });
    ends.push(() => stack.stop());
    const networks: string[] = [];
    // oxlint-disable-next-line no-await-in-loop
    for (const at of [0, 1, 2, 3]) networks.push(await network.add(`10.77.0.${11 + at}`));
    const prefix = (at: number) => ["ip", "netns", "exec", networks[at]!];
    const { homeserver, other } = stack;
    const members = await startCrew({
      homeservers: [homeserver, homeserver, homeserver, other!.homeserver],
      mode,
      prefix,
    });
    ends.push(() => Promise.all(members.map((member) => member.end())));
    await Promise.all(members.map((member) => member.join(beginMs)));
    await untilConverged(members, beginMs);
    say(`\n${mode}: four members in the call`);

    /** Carl with another process and device, and with or without delegation. */
    const replaceCarl = async (isDelegated = false) => {
      const old = members[2]!;
      if (old.isAlive) await old.leave();
      await old.end();
      const account = await register(homeserver, "carl");
      const { roomId, hz } = old.settings;
      const carl = await NodeMember.start(
        "Carl",
        { ...account, roomId, hz, mode, tones: old.settings.tones, isDelegated },
        prefix(2),
      );
      members[2] = carl;
      // A device that is new can read nothing that was encrypted before it was known, so it is there before its user enters.
      await joinRoom(account, roomId);
      await carl.join(beginMs);
    };
    const scene = (measureGap: () => void): Scene => ({
      measureGap,
      stack,
      network,
      mode,
      alice: members[0]!,
      bob: members[1]!,
      carl: members[2]!,
      dora: members[3]!,
      carlsNetwork: networks[2]!,
      replaceCarl,
    });

    const rows: Row[] = [];
    let isDelegated = false;
    for (const fault of faults) {
      // A fault that failed may have left no Carl behind.
      if (!members[2]!.isAlive || isDelegated !== (fault.isDelegated ?? false)) {
        isDelegated = fault.isDelegated ?? false;
        // oxlint-disable-next-line no-await-in-loop
        await replaceCarl(isDelegated);
      }
      // oxlint-disable-next-line no-await-in-loop
      const row = await play(fault, mode, members, scene);
      rows.push(row);
      say(`${row.fault}: ${row.problems.length === 0 ? "passed" : row.problems.join("; ")}`);
    }
    return rows;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await end();
  }
}

async function play(
  fault: Fault,
  mode: string,
  members: readonly NodeMember[],
  scene: (measureGap: () => void) => Scene,
): Promise<Row> {
  const problems: string[] = [];
  try {
    await untilConverged(members, beginMs);
  } catch (error) {
    problems.push(`before: ${wordsOf(error)}`);
  }
  await sleep(500);
  for (const member of members) member.tell({ command: "reset-gaps" });
  let gap: Gap | undefined;
  const untouched = fault.untouched(scene(() => {}));
  const measureGap = () => {
    const living = untouched.filter((pair) => pair.every(({ isAlive }) => isAlive));
    gap = longestGap(living);
  };
  const observers = [members[0]!, members[1]!];
  const before = observers.map(({ report }) => report.departures);

  let more = "";
  let convergedMs: number | undefined;
  try {
    more = await fault.run(scene(measureGap));
  } catch (error) {
    problems.push(wordsOf(error));
  }
  try {
    convergedMs = await untilConverged(members, fault.convergeMs ?? convergeMs);
  } catch (error) {
    problems.push(wordsOf(error));
  }
  await sleep(quietMs);
  const departures = Math.max(...observers.map(({ report }, at) => report.departures - before[at]!));
  if (fault.membership === "stays" && departures > 0) problems.push(`${departures} members were seen to leave`);
  if (fault.membership === "returns" && departures === 0) problems.push("nobody was seen to leave");
  if (!gap) measureGap();
  if (gap && gap.ms > maxGapMs) problems.push(`a gap of ${gap.ms} ms in media that was not touched: ${gap.pair}`);
  if (problems.length > 0) await writeLogs(`chaos ${mode} ${fault.name}`, members);
  return { fault: fault.name, mode, departures, gapMs: gap?.ms, convergedMs, more, problems };
}

/** Resolves with how long it took. */
async function untilConverged(members: readonly NodeMember[], withinMs: number): Promise<number> {
  const startTs = Date.now();
  for (;;) {
    const wrong = notConverged(members, startTs);
    if (wrong.length === 0) return Date.now() - startTs;
    if (Date.now() - startTs > withinMs)
      throw new Error(`after ${withinMs / 1_000} s: ${wrong.slice(0, 4).join(", ")}`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(100);
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
