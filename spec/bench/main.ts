// npm run bench: what things cost, ours beside matrix-js-sdk and beside a floor. `-- --quick`, `-- --json FILE`, `-- --only NAME`.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import { firstSync } from "./figures/first-sync.ts";
import { growth } from "./figures/growth.ts";
import { counts } from "./figures/counts.ts";
import { keysChurn } from "./figures/keys-churn.ts";
import { keysIdle } from "./figures/keys-idle.ts";
import { manyRooms } from "./figures/many-rooms.ts";
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
const effort: Effort = { isQuick: options.quick, turns: options.quick ? 10 : 40 };

const groups: Readonly<Record<string, (effort: Effort) => Promise<Figure[]>>> = {
  stateJoin,
  stickyRefresh,
  firstSync,
  growth,
  manyRooms,
  counts,
  keysIdle,
  keysChurn,
};

const figures: Figure[] = [];
console.log(header);
for (const [name, measure] of Object.entries(groups)) {
  if (options.only !== undefined && options.only !== name) continue;
  for (const figure of await measure(effort)) {
    figures.push(figure);
    console.log(line(figure));
  }
}
if (options.json !== undefined) writeFileSync(options.json, asJson(figures));
// The SDK keeps timers for as long as its sticky events last.
process.exit();
