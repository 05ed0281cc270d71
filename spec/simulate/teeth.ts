// `npm run simulate:teeth`: plants each breakage in a copy of the sources, and says at which seed the storm finds it.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Breakage, breakages } from "./breakages.ts";
import { runPool } from "./pool.ts";
import { perform, type Task } from "./worker.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2000" },
    workers: { type: "string", default: "2" },
    /** A part of the name of a breakage. */
    only: { type: "string", default: "" },
  },
});
const maxSeeds = Number(values.seeds);
const root = fileURLToPath(new URL("../..", import.meta.url));

const taskOf = (seed: number): Task => ({ seed, options: { isSmall: true }, isTwice: false, shrinkMs: 0 });

let missed = 0;
for (const breakage of breakages.filter(({ name }) => name.includes(values.only))) {
  const found = await firstSeed(breakage);
  if (!found) missed += 1;
  console.log(found ? `seed ${found.seed}, invariant ${found.how}: ${breakage.name}` : `NOT FOUND: ${breakage.name}`);
}
process.exitCode = missed > 0 ? 1 : 0;

interface Found {
  readonly seed: number;
  readonly how: string;
}

/** The first seed that breaks an invariant of the broken library. */
async function firstSeed(breakage: Breakage): Promise<Found | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "matrixrtc-rx-teeth-"));
  try {
    plant(breakage, folder);
    for (let from = 1; from <= maxSeeds; ) {
      const found = await firstFrom(from, pathToFileURL(join(folder, "spec/simulate/worker.ts")));
      if (!found) return undefined;
      // A seed that the whole library breaks too says nothing about the breakage.
      const { violation } = await perform(taskOf(found.seed));
      if (!violation) return found;
      from = found.seed + 1;
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function firstFrom(from: number, script: URL): Promise<Found | undefined> {
  let found: Found | undefined;
  let seed = from - 1;
  await runPool({
    workers: Number(values.workers),
    script,
    tasks: {
      next: () => {
        seed += 1;
        return seed > maxSeeds ? { done: true, value: undefined } : { done: false, value: taskOf(seed) };
      },
    },
    isOver: () => found !== undefined,
    onResult: ({ seed: at, violation }) => {
      if (violation && at < (found?.seed ?? Infinity))
        found = { seed: at, how: `${violation.invariant}, "${violation.how}"` };
    },
  });
  return found;
}

function plant({ name, file, text, becomes }: Breakage, folder: string): void {
  for (const part of ["src", "spec/simulate", "spec/fuzz", "package.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, "spec"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const path = join(folder, "src", file);
  const source = readFileSync(path, "utf8");
  if (source.split(text).length !== 2) throw new Error(`"${name}" no longer fits ${file}: its text must be there once`);
  writeFileSync(
    path,
    source.replace(text, () => becomes),
  );
}
