// `npm run mutate`: changes the library in small ways, and counts the changes that no spec notices. `-- --only keys`.
// It fails if the specs of a folder notice fewer than 90 %, and names the survivors that docs/mutations.md does not list.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isListed, listedIn, type Report, resultOf } from "./survivors.ts";

/** How much of a folder the specs must notice. */
const leastPercent = 90;

/** The folders of src without adapters. */
const folders = ["rx", "room", "membership", "sessions", "keys", "join", "encryption", "history", "ringing"] as const;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    concurrency: { type: "string", default: "2" },
    /** Where the reports go. */
    out: { type: "string", default: "reports/mutation" },
  },
});
const root = fileURLToPath(new URL("../..", import.meta.url));
const wanted = folders.filter((folder) => values.only === undefined || values.only === folder);
if (wanted.length === 0) throw new Error(`--only must be one of ${folders.join(", ")}`);

const listed = listedIn(readFileSync(join(root, "docs/mutations.md"), "utf8"));

for (const folder of wanted) {
  const startedTs = performance.now();
  const out = join(root, values.out, folder);
  mkdirSync(out, { recursive: true });
  const config = {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "spec/mutate/vitest.config.ts", related: false },
    mutate: [`src/${folder}/**/*.ts`, `!src/${folder}/index.ts`, `!src/${folder}/trace.ts`],
    ignorePatterns: ["/dist", "/docs", "/examples", "/tools", "/spec/e2e", "/spec/homeserver", "/reports"],
    // Stryker cannot read it with TypeScript 7, and nothing in it has to be changed.
    tsconfigFile: "none",
    coverageAnalysis: "perTest",
    // What runs once at import needs a run of all specs for each mutant.
    ignoreStatic: true,
    concurrency: Number(values.concurrency),
    // Most mutants take a quarter of a second. One that loops for ever ends with its process.
    timeoutMS: 10_000,
    // Texts for people are not what specs are about.
    mutator: { excludedMutations: ["StringLiteral"] },
    reporters: ["json", "progress-append-only"],
    jsonReporter: { fileName: join(out, "report.json") },
    tempDirName: join(out, "sandbox"),
    cleanTempDir: "always",
    incremental: true,
    incrementalFile: join(out, "incremental.json"),
  };
  const file = join(out, "stryker.json");
  writeFileSync(file, JSON.stringify(config));
  const { status } = spawnSync(process.execPath, ["node_modules/@stryker-mutator/core/bin/stryker.js", "run", file], {
    cwd: root,
    stdio: "inherit",
    // Few random cases for each property: there are many mutants.
    env: { FC_RUNS: "5", ...process.env, MUTATE: folder },
  });
  if (status !== 0) {
    console.error(`${folder}: Stryker ended with ${status}`);
    process.exitCode = 1;
    continue;
  }
  summarize(
    folder,
    JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report,
    performance.now() - startedTs,
  );
}

function summarize(folder: string, report: Report, tookMs: number): void {
  const { noticed, survivors } = resultOf(report);
  const total = noticed + survivors.length;
  const percent = (100 * noticed) / total;
  const unlisted = survivors.filter((survivor) => !isListed(survivor, listed));
  for (const { path, line, code, change, status } of unlisted)
    console.log(`${path}:${line} ${status}, not in docs/mutations.md\n  ${code}\n  → ${change}`);
  const minutes = (tookMs / 60_000).toFixed(1);
  const ofThose = `${survivors.length} survive, ${unlisted.length} of these are not in docs/mutations.md`;
  console.log(
    `${folder}: ${noticed} of ${total} mutants noticed, ${percent.toFixed(1)} %; ${ofThose}; ${minutes} minutes`,
  );
  if (percent < leastPercent) process.exitCode = 1;
}
