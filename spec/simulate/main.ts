// `npm run simulate`: seeded calls with every fault. `-- --seeds 1..10000`, `--seed N`, `--small`, `--fresh`. docs/simulation.md.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runPool } from "./pool.ts";
import { sourceHash } from "./source-hash.ts";
import { perform, type Result, type Task } from "./worker.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1..1000" },
    seed: { type: "string" },
    small: { type: "boolean", default: false },
    workers: { type: "string", default: "2" },
    /** Forget what an interrupted run has done. */
    fresh: { type: "boolean", default: false },
    /** How long to make a violation smaller, in seconds. */
    shrink: { type: "string", default: "60" },
  },
});
const options = { isSmall: values.small };
const shrinkMs = Number(values.shrink) * 1_000;
const barWidth = 30;
/** Each of these seeds runs twice. */
const twiceEvery = 50;
/** How many violations of one kind are made small. */
const maxReports = 3;

if (values.seed !== undefined) await one(Number(values.seed));
else await all();

async function one(seed: number): Promise<void> {
  const { violation, report } = await perform({ seed, options, isTwice: true, shrinkMs });
  console.log(report ?? violation ?? `seed ${seed} keeps all invariants`);
  process.exitCode = violation ? 1 : 0;
}

/** What a run has done, so that the next one can go on. */
interface Progress {
  readonly done: number[];
  readonly violations: { seed: number; kind: string; report: string | undefined }[];
  virtualMs: number;
  seconds: number;
}

async function all(): Promise<void> {
  const [from = 1, to = from] = values.seeds.split("..").map(Number);
  const file = join(
    tmpdir(),
    `matrixrtc-rx-simulate-${from}-${to}${values.small ? "-small" : ""}-${sourceHash()}.json`,
  );
  const progress = values.fresh ? undefined : readProgress(file);
  const { done, violations, ...sums } = progress ?? { done: [], violations: [], virtualMs: 0, seconds: 0 };
  let { virtualMs } = sums;
  const isDone = new Set(done);
  const count = to - from + 1;
  const before = done.length;
  if (before > 0) console.log(`going on after ${before} of ${count} seeds; --fresh begins again`);
  const startTs = performance.now();
  const seconds = () => sums.seconds + (performance.now() - startTs) / 1_000;
  const save = () => writeFileSync(file, JSON.stringify({ done, violations, virtualMs, seconds: seconds() }));
  const reports = new Map<string, number>();

  function* tasks(): Iterator<Task> {
    for (let seed = from; seed <= to; seed++)
      if (!isDone.has(seed)) yield { seed, options, isTwice: seed % twiceEvery === 0, shrinkMs: 0 };
  }
  const onResult = (result: Result) => {
    done.push(result.seed);
    virtualMs += result.virtualMs;
    if (result.violation) {
      const { invariant, how } = result.violation;
      violations.push({ seed: result.seed, kind: `invariant ${invariant}: ${how}`, report: undefined });
    }
    if (done.length % 20 === 0) {
      save();
      showProgress(
        done.length,
        count,
        (done.length - before) / ((performance.now() - startTs) / 1_000),
        violations.length,
      );
    }
  };
  process.once("SIGINT", () => {
    save();
    console.log("\ninterrupted; the same command goes on from here");
    process.exit(130);
  });
  await runPool({
    workers: Number(values.workers),
    script: new URL("worker.ts", import.meta.url),
    tasks: tasks(),
    onResult,
  });
  save();
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");

  violations.sort((a, b) => a.seed - b.seed);
  for (const { seed, kind } of violations) {
    const shown = reports.get(kind) ?? 0;
    reports.set(kind, shown + 1);
    if (shown >= maxReports || shrinkMs === 0) continue;
    const { report = `seed ${seed}: ${kind}` } = await perform({ seed, options, isTwice: false, shrinkMs });
    console.log(`${report}\n\n${"=".repeat(100)}\n`);
  }
  for (const [kind, times] of reports)
    console.log(
      `${times} × ${kind}: seeds ${violations
        .filter((violation) => violation.kind === kind)
        .map(({ seed }) => seed)
        .slice(0, 20)
        .join(" ")}`,
    );
  const hours = Math.round(virtualMs / 3_600_000);
  console.log(`${count} seeds, ${hours} hours of calls, in ${seconds().toFixed(0)} s: ${violations.length} violations`);
  process.exitCode = violations.length > 0 ? 1 : 0;
  if (violations.length === 0) rmSync(file, { force: true });
}

function readProgress(file: string): Progress | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Progress;
  } catch {
    return undefined;
  }
}

function showProgress(done: number, count: number, rate: number, violations: number): void {
  const filled = Math.round((done / count) * barWidth);
  const left = Math.round((count - done) / rate);
  const bar = "█".repeat(filled).padEnd(barWidth, "░");
  const line = `${bar} ${done} of ${count}, ${rate.toFixed(1)} a second, ${left} s left, ${violations} violations`;
  process.stderr.write(process.stderr.isTTY ? `\r${line}\u001b[K` : done % 500 === 0 ? `${line}\n` : "");
}
