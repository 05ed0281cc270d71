// `npm run fuzz`: a million mutated events through every decoder. `-- --events N`, `-- --seed N`, `-- --max-ms N`,
// `-- --only calls`: the decoders whose names begin so.
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    seed: { type: "string", default: "20261121" },
    "max-ms": { type: "string", default: "5" },
    only: { type: "string", default: "" },
  },
});
const [events, seed, maxMs] = [Number(values.events), Number(values.seed), Number(values["max-ms"])];

/** What is still in use, after everything else was collected. */
const heapMb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

/** Memory that grows by more than this while events are read is not flat. */
const maxGrowthMb = 8;

const startTs = performance.now();
let warmMb = 0;
const { faults, counts } = fuzz({
  seed,
  events,
  maxMs,
  only: values.only,
  onProgress: (done) => {
    // The first fifth fills everything that has a limit.
    if (warmMb === 0 && done >= events / 5) warmMb = heapMb();
    const seconds = (performance.now() - startTs) / 1_000;
    const left = Math.round((seconds / done) * (events - done));
    process.stderr.write(`\r${done} of ${events} events, ${left} s left   `);
  },
});
const growthMb = warmMb === 0 ? 0 : heapMb() - warmMb;
const seconds = (performance.now() - startTs) / 1_000;

process.stderr.write("\r\u001b[K");
for (const [name, count] of counts) console.log(`${String(count).padStart(9)}  ${name}`);
for (const { decoder, index, about, input } of faults.slice(0, 20))
  console.log(`event ${index}, ${decoder}: ${about}\n  ${input}`);
console.log(
  `${events} events with seed ${seed} in ${seconds.toFixed(1)} s: ${faults.length} faults, memory grew by ${growthMb.toFixed(1)} MB`,
);
process.exitCode = faults.length > 0 || growthMb > maxGrowthMb ? 1 : 0;
