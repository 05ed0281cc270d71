// `npm run chaos`: faults on real parts. Members in Node, each in a process and a network namespace of its own, are in a call
// over a real homeserver, SFU and authorisation service, and a second homeserver that federates.
// `-- --mode compatibility`: one mode. `-- --only 3,4`: some faults, by number. `-- --json FILE`: the table.
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { redacted } from "../e2e/redact.ts";
import { faults } from "./faults.ts";
import { playFaults, type Row } from "./play.ts";
import { tableOf } from "./table.ts";

const inside = "MATRIXRTC_CHAOS_INSIDE";

if (process.platform !== "linux" || process.getuid?.() !== 0) {
  console.log("skipped: the faults need network namespaces, which only root on Linux can make");
} else if (process.env[inside] === undefined) {
  // A network of our own: what happens here reaches nobody else.
  const { status } = spawnSync("unshare", ["--net", process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [inside]: "1" },
  });
  process.exitCode = status ?? 1;
} else {
  await run();
  // The native part of rtc-node and open streams of children keep a process alive.
  process.exit();
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { mode: { type: "string" }, only: { type: "string" }, json: { type: "string" } },
  });
  const modes = values.mode ? [values.mode] : ["compatibility", "matrix_2_0"];
  const only = values.only?.split(",").map(Number);
  const chosen = faults.filter((_, at) => only === undefined || only.includes(at + 1));
  const rows: Row[] = [];
  // Faults measure times, so they come one after the other.
  for (const mode of modes) {
    // oxlint-disable-next-line no-await-in-loop
    rows.push(...(await playFaults(chosen, mode, (line) => console.log(redacted(line)))));
  }
  console.log(`\n${tableOf(rows)}`);
  const failed = rows.filter(({ problems }) => problems.length > 0);
  console.log(`\n${rows.length - failed.length} of ${rows.length} faults passed`);
  if (values.json) await writeFile(values.json, redacted(`${JSON.stringify(rows, null, 2)}\n`));
  process.exitCode = failed.length === 0 ? 0 : 1;
}
