// Decodes a million mutated events and prints the counts of results: `node spec/room/events/fuzz.ts [count] [seed]`.
import { decodeMutated } from "./mutations.ts";

const [count = 1_000_000, seed = 20_261_127] = process.argv.slice(2).map(Number);
const start = performance.now();
const heapBefore = process.memoryUsage().heapUsed;
const { decoded, malformed, thrown } = decodeMutated(count, seed);
const seconds = (performance.now() - start) / 1000;
console.log(
  `${count} mutated events, seed ${seed}: ${decoded} decoded, ${malformed} malformed, ${thrown.length} thrown`,
);
const grownMb = Math.round((process.memoryUsage().heapUsed - heapBefore) / 2 ** 20);
console.log(
  `${seconds.toFixed(1)} s, ${((seconds * 1e6) / count).toFixed(1)} us each with its mutation; heap grown by ${grownMb} MB`,
);
for (const { error, event } of thrown.slice(0, 5)) console.log(error, JSON.stringify(event).slice(0, 500));
process.exitCode = thrown.length > 0 ? 1 : 0;
