// `npm run leaks`: 1,000 joins and leaves in each mode. Nothing may be left, and the heap may not grow by more than 1 MB.
import { parseArgs } from "node:util";
import { joinAndLeave } from "./leaks.ts";

const { values } = parseArgs({ options: { joins: { type: "string", default: "1000" } } });
const joins = Number(values.joins);
const maxGrowthMb = 1;

/** What is still in use after everything else was collected. */
function heapMb(): number {
  for (let times = 0; times < 3; times++) globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

if (!globalThis.gc) throw new Error("run it with node --expose-gc");
for (const mode of ["compatibility", "matrix_2_0"] as const) {
  // The first joins fill what has a limit, and compile.
  await joinAndLeave({ joins, mode });
  const before = heapMb();
  let within = before;
  const left = await joinAndLeave({ joins, mode, onJoin: (done) => void (done === joins && (within = heapMb())) });
  const after = heapMb();
  const growthMb = Math.max(after, within) - before;
  const isLeft = Object.values(left).some((count) => count > 0);
  const what = Object.entries(left).map(([name, count]) => `${name} ${count}`);
  console.log(
    `${mode}: ${joins} joins and leaves; left: ${what.join(", ")}; heap: ${(within - before).toFixed(2)} MB more at the last join, ${(after - before).toFixed(2)} MB afterwards`,
  );
  if (isLeft || growthMb > maxGrowthMb) process.exitCode = 1;
}
