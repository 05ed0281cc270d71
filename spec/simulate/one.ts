// `npm run simulate -- --seed N`: one seed, its violation made small.
import { draw } from "./draw.ts";
import { report } from "./report.ts";
import { run } from "./run.ts";
const seed = Number(process.argv[2]);
const scenario = draw(seed, { isSmall: process.argv[3] !== undefined, withoutSdk: process.argv[3] === "ours" });
const { violation, logHash } = await run(scenario);
if (!violation) console.log(`seed ${seed} is clean, log ${logHash}`);
else console.log(await report(seed, scenario, violation, 120_000));
