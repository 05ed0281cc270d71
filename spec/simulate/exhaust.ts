// `npm run simulate:exhaustive`: all deliveries of six messages between two members. Two processes share them.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { deliveries, type Fate, messages, play } from "./exhaustive.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "6" },
    parts: { type: "string", default: "2" },
    /** Which part this process plays. Absent: it starts the others. */
    part: { type: "string" },
  },
});
const [parts, count] = [Number(values.parts), Number(values.messages)];

/** What one part has found. */
interface Found {
  readonly plays: number;
  /** For each fault how often, and the first delivery. */
  readonly wrong: readonly (readonly [what: string, times: number, first: string])[];
  /** What was shown in the end, for each set of messages. */
  readonly pictures: readonly (readonly [set: string, picture: string, first: string])[];
}

const allFates: readonly Fate[] = ["in time", "lost", "late", "doubled"];

function playPart(part: number): Found {
  const wrong = new Map<string, [number, string]>();
  const pictures = new Map<string, string>();
  let [index, plays] = [0, 0];
  for (const delivery of deliveries(messages.slice(0, count), allFates)) {
    if (index++ % parts !== part) continue;
    plays += 1;
    const ending = play(delivery);
    const text = JSON.stringify(delivery);
    for (const what of ending.wrong) {
      const [times, first] = wrong.get(what) ?? [0, text];
      wrong.set(what, [times + 1, first]);
    }
    if (delivery.late.length > 0) continue;
    const set = [...new Set(delivery.inTime)].toSorted().join(", ");
    const name = JSON.stringify([set, ending.picture]);
    if (!pictures.has(name)) pictures.set(name, text);
    if (plays % 1_000 === 0) process.stderr.write(`\rpart ${part}: ${plays} plays   `);
  }
  return {
    plays,
    wrong: Array.from(wrong, ([what, [times, first]]) => [what, times, first] as const),
    pictures: Array.from(pictures, ([name, first]) => [...(JSON.parse(name) as [string, string]), first] as const),
  };
}

const ofOthers = (part: number): Promise<Found> =>
  new Promise((resolve, reject) => {
    const args = ["--part", `${part}`, "--parts", `${parts}`, "--messages", `${count}`];
    const child = fork(fileURLToPath(import.meta.url), args);
    child.on("message", (found: Found) => resolve(found));
    child.on("error", reject);
  });

if (values.part !== undefined) process.send!(playPart(Number(values.part)));
else {
  const startTs = performance.now();
  const all = await Promise.all(Array.from({ length: parts }, (_, part) => ofOthers(part)));
  process.stderr.write("\r\u001b[K");
  const wrong = all.flatMap((found) => found.wrong);
  for (const [what, times, first] of wrong) console.log(`${times} × ${what}\n  first with ${first}`);
  const pictures = new Map<string, Map<string, string>>();
  for (const [set, picture, first] of all.flatMap((found) => found.pictures))
    pictures.set(set, (pictures.get(set) ?? new Map<string, string>()).set(picture, first));
  const differing = [...pictures].filter(([, shown]) => shown.size > 1);
  for (const [set, shown] of differing) console.log(`the order matters for ${set}:`, [...shown]);
  const plays = all.reduce((sum, found) => sum + found.plays, 0);
  const seconds = ((performance.now() - startTs) / 1_000).toFixed(0);
  console.log(`${plays} deliveries of ${count} messages in ${seconds} s: ${wrong.length + differing.length} faults`);
  process.exitCode = wrong.length + differing.length > 0 ? 1 : 0;
}
