// Run: plays a scenario from its first step to the day after, and returns what it broke.
import { restMs } from "./bounds.ts";
import { Invariants } from "./invariants.ts";
import type { Scenario } from "./scenario.ts";
import { loadSdk, type LogLine, type Violation, World } from "./world.ts";

export interface Outcome {
  readonly violation: Violation | undefined;
  /** The same for two runs of one scenario. */
  readonly logHash: number;
  /** The newest lines of the log. */
  readonly lines: readonly LogLine[];
  readonly virtualMs: number;
}

/** Everybody has left within this time. */
const leaveMs = 100_000;
const [hourMs, dayMs] = [3_600_000, 86_400_000];
/** How often the invariants look, at least and at most in a scenario. */
const [tickMs, maxTicks] = [500, 1_500];

export async function run(scenario: Scenario): Promise<Outcome> {
  const hasPromises = scenario.devices.some(({ client }) => client === "sdk");
  if (hasPromises) await loadSdk();
  const invariants = new Invariants();
  const world = new World(scenario, invariants);
  const restore = world.install();
  const { clock } = world;
  const isOver = () => world.violation !== undefined;
  const until = async (ms: number) => {
    if (hasPromises) await clock.runWithPromises(ms, isOver);
    else clock.run(ms, isOver);
  };
  try {
    const calmMs = scenario.calmMs;
    const leaveAtMs = calmMs + restMs(scenario);
    const oftenMs = Math.max(tickMs, leaveAtMs / maxTicks);
    const tick = () => {
      clock.after(clock.server, clock.ms < leaveAtMs + leaveMs ? oftenMs : hourMs, () => {
        invariants.onTick(world);
        tick();
      });
    };
    tick();
    world.begin();
    await until(calmMs);
    world.wakeAll();
    await until(leaveAtMs);
    if (!isOver()) world.everybodyLeaves();
    await until(leaveAtMs + leaveMs);
    if (!isOver()) invariants.afterLeave(world);
    // A session of the SDK that has left twice goes on renewing its membership.
    for (const device of world.devices) if (device.traits.client === "sdk") world.killPage(device);
    await until(leaveAtMs + leaveMs + dayMs);
    if (!isOver()) invariants.atEnd(world);
  } finally {
    restore();
  }
  return { violation: world.violation, logHash: world.logHash, lines: world.lines, virtualMs: clock.ms };
}
