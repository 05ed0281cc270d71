// Worker: runs the seeds that the parent process sends, one after the other.
import { draw, type DrawOptions } from "./draw.ts";
import { report } from "./report.ts";
import { run } from "./run.ts";
import type { Violation } from "./world.ts";

/** What the parent asks for. */
export interface Task {
  readonly seed: number;
  readonly options: DrawOptions;
  /** Whether to run it a second time, and compare the logs. */
  readonly isTwice: boolean;
  /** How long to make a violation smaller. 0: not at all. */
  readonly shrinkMs: number;
}

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** For people. */
  readonly report: string | undefined;
  readonly virtualMs: number;
  readonly logHash: number;
}

export async function perform({ seed, options, isTwice, shrinkMs }: Task): Promise<Result> {
  const scenario = draw(seed, options);
  const { violation: first, virtualMs, logHash } = await run(scenario);
  let violation = first;
  if (!violation && isTwice) {
    const again = await run(scenario);
    if (again.logHash !== logHash)
      violation = { invariant: 0, how: "two runs of one seed differ", atMs: 0, device: undefined, about: "" };
  }
  const isShown = violation !== undefined && violation.invariant > 0 && shrinkMs > 0;
  const text = isShown ? await report(seed, scenario, violation!, shrinkMs) : undefined;
  return { seed, violation, report: text, virtualMs, logHash };
}

/** In a process of its own. */
if (process.send) process.on("message", (task: Task) => void perform(task).then((result) => process.send!(result)));
