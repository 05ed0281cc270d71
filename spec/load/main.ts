// `npm run load -- --members 20 --minutes 2`: a real call of many members in Node: how long it takes until all hear all, and
// what it costs. `--mode matrix_2_0`: another join mode. `--together 5`: how many members share a process.
// `--pictures 3`: how many members send pictures. `--all-media`: all receive the media of all, all the time; otherwise
// until they have heard and seen it. `--json FILE`: the figures.
import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startStack } from "../../examples/stack/stack.ts";
import { redacted } from "../e2e/redact.ts";
import { startCrew } from "../node-member/crew.ts";
import type { NodeMember } from "../node-member/node-member.ts";
import { busyBetween, cpuTimes } from "./busy.ts";
import { figuresOf, type Snapshot, snapshotOf } from "./figures.ts";
import { Hearers } from "./hearers.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "20" },
    minutes: { type: "string", default: "2" },
    mode: { type: "string", default: "compatibility" },
    together: { type: "string", default: "5" },
    pictures: { type: "string" },
    "all-media": { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const count = Number(values.members);
const churnMs = Number(values.minutes) * 60_000;
const together = Number(values.together);
/** In a real call of many, a few members send pictures. */
const pictures = Number(values.pictures ?? Math.ceil(count / 10));
const { mode } = values;

/** Everybody joins within this time. */
const arrivalMs = 20_000;
const hearMs = 180_000;
/** One of five members leaves and comes back, in turn. */
const churnEveryMs = 10_000;
const awayMs = 5_000;
/** Everybody sounds for a tenth of the time, as in a real call of many. */
const duty = 0.1;
/** Reports of many members cost time as well. */
const reportMs = 1_000;

const startedAt = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${redacted(line)}`);

if (!(count >= 2 && count <= 30 && churnMs >= 0)) throw new Error("--members must be 2 to 30, --minutes not negative");
if (!(together >= 1)) throw new Error("--together must be 1 or more");
const stack = await startStack({ limitMs: 30 * 60_000, say });
let members: NodeMember[] = [];
const end = async () => {
  await Promise.all(members.map((member) => member.end()));
  await stack.stop();
};
const interrupt = () => void end().then(() => process.exit(130));
process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
try {
  members = await startCrew({
    homeservers: Array.from({ length: count }, () => stack.homeserver),
    mode,
    settings: (at) => ({ hasVideo: at < pictures, duty, receivesOnce: !values["all-media"], reportMs }),
    together,
    atOnce: cpus().length,
    onStarted: (started) => say(`${started} of ${count} members have started`),
  });
  const figures = await measure();
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(54)} ${value}`);
  if (values.json) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await end();
}
process.exit();

async function measure(): Promise<Record<string, string | number>> {
  const hearers = new Hearers(members);
  const joining = members.map(async (member, at) => {
    await sleep((at * arrivalMs) / count);
    await member.join(hearMs);
  });
  await progress(
    Promise.all(joining),
    () => `${members.filter(({ report }) => report.status === "joined").length} joined`,
  );
  await progress(
    hearers.all(hearMs),
    () => `${hearers.heard} of ${hearers.pairs} pairs hear; others: ${hearers.waiting() || "none"}`,
  );
  const heardTimes = hearers.times();
  if (hearers.heard < hearers.pairs) say(`not heard: ${hearers.missing().slice(0, 5).join(", ")}`);

  const before = members.map(snapshotOf);
  let changes = 0;
  const until = performance.now() + churnMs;
  const leavers = members.filter((_, at) => at % 5 === 4);
  const churning = async () => {
    for (let turn = 0; performance.now() + churnEveryMs < until && leavers.length > 0; turn += 1) {
      const leaver = leavers[turn % leavers.length]!;
      // One after the other.
      // oxlint-disable-next-line no-await-in-loop
      await leaver.leave();
      // oxlint-disable-next-line no-await-in-loop
      await sleep(awayMs);
      // oxlint-disable-next-line no-await-in-loop
      await leaver.join(hearMs);
      changes += 1;
      // oxlint-disable-next-line no-await-in-loop
      await sleep(churnEveryMs - awayMs);
    }
    await sleep(Math.max(0, until - performance.now()));
  };
  await progress(churning(), () => `${changes} members have left and come back`);
  const staying = members.flatMap((member, at): [Snapshot, Snapshot][] =>
    leavers.includes(member) ? [] : [[before[at]!, snapshotOf(member)]],
  );
  const leftAt = performance.now();
  await progress(Promise.all(members.map((member) => member.leave())), () => "leaving");
  return {
    members: count,
    mode,
    machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    ...heardTimes,
    ...figuresOf(staying, { members: count, changes }),
    "all have left after s": ((performance.now() - leftAt) / 1_000).toFixed(1),
  };
}

/** Waits for something, and says every 5 s how far it is. */
async function progress<T>(working: Promise<T>, words: () => string): Promise<T> {
  let before = { times: cpuTimes(), ts: performance.now() };
  const sayAll = () => {
    const now = { times: cpuTimes(), ts: performance.now() };
    say(`${words()}; ${busyBetween(before.times, now.times, now.ts - before.ts)}`);
    before = now;
  };
  const saying = setInterval(sayAll, 5_000);
  try {
    return await working;
  } finally {
    clearInterval(saying);
    sayAll();
  }
}
