// `npm run mutate`: changes the library in small ways, and counts the changes that no spec notices. `-- --only keys`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** The folders of src without adapters, smallest first. */
const folders = ["rx", "room", "membership", "sessions", "keys", "join", "history", "ringing"] as const;

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

for (const folder of wanted) {
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
  summarize(folder, join(out, "report.json"));
}

interface Report {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: string;
        readonly mutants: readonly {
          readonly status: string;
          readonly mutatorName: string;
          readonly replacement: string;
          readonly location: { readonly start: { readonly line: number } };
        }[];
      }
    >
  >;
}

function summarize(folder: string, file: string): void {
  const { files } = JSON.parse(readFileSync(file, "utf8")) as Report;
  const all = Object.entries(files).flatMap(([path, { mutants, source }]) =>
    mutants.map((mutant) => ({ path, source: source.split("\n")[mutant.location.start.line - 1] ?? "", ...mutant })),
  );
  const detected = all.filter(({ status }) => status === "Killed" || status === "Timeout").length;
  const survivors = all.filter(({ status }) => status === "Survived" || status === "NoCoverage");
  const valid = detected + survivors.length;
  for (const { path, location, mutatorName, source, replacement, status } of survivors)
    console.log(`${path}:${location.start.line} ${mutatorName} ${status}\n  ${source.trim()}\n  → ${replacement}`);
  console.log(`${folder}: ${detected} of ${valid} mutants noticed, ${((100 * detected) / valid).toFixed(1)} %`);
}
