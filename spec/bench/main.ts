// `npm run bench`: costs of ours, of matrix-js-sdk and of a floor. `-- --quick`, `-- --json FILE`, `-- --only NAME`.
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import { firstSync } from "./figures/first-sync.ts";
import { growth } from "./figures/growth.ts";
import { callHour } from "./figures/call-hour.ts";
import { callLog } from "./figures/call-log.ts";
import { compatManager } from "./figures/compat-manager.ts";
import { joinIdle } from "./figures/join-idle.ts";
import { counts } from "./figures/counts.ts";
import { keysChurn } from "./figures/keys-churn.ts";
import { keysJoins } from "./figures/keys-joins.ts";
import { keysIdle } from "./figures/keys-idle.ts";
import { manyRooms } from "./figures/many-rooms.ts";
import { mediaChange } from "./figures/media-change.ts";
import { roomMembers } from "./figures/room-members.ts";
import { stateJoin } from "./figures/state-join.ts";
import { stickyRefresh } from "./figures/sticky-refresh.ts";
import type { Effort } from "./measure.ts";
import { asJson, header, line } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    only: { type: "string" },
  },
});
const effort: Effort = { isQuick: options.quick, turns: options.quick ? 15 : 40 };

const groups: Readonly<Record<string, (effort: Effort) => Promise<Figure[]>>> = {
  stateJoin,
  stickyRefresh,
  firstSync,
  growth,
  manyRooms,
  counts,
  keysIdle,
  keysChurn,
  keysJoins,
  roomMembers,
  mediaChange,
  joinIdle,
  callHour,
  callLog,
  compatManager,
};

/** Each group has its own process, so that no group affects the next one. */
async function measure(name: string): Promise<readonly Figure[]> {
  const child = fork(import.meta.filename, ["--only", name, ...(options.quick ? ["--quick"] : [])]);
  const [figures] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`${name} reported no figures`))),
  ])) as [readonly Figure[]];
  return figures;
}

async function report(names: readonly string[]): Promise<void> {
  const figures: Figure[] = [];
  console.log(header);
  for (const name of names) {
    for (const figure of await measure(name)) {
      figures.push(figure);
      console.log(line(figure));
    }
  }
  if (options.json !== undefined) writeFileSync(options.json, asJson(figures));
}

const names = Object.keys(groups).filter((name) => options.only === undefined || options.only === name);
const [group] = names.flatMap((name) => groups[name] ?? []);
if (!process.send) await report(names);
else if (group) process.send(await group(effort));
// The SDK keeps timers until its sticky events expire.
process.exit();
