// Shrink: makes a scenario smaller for as long as it breaks the same invariant in the same way.
import { run } from "./run.ts";
import type { DeviceTraits, Fault, Scenario, Step } from "./scenario.ts";
import type { Violation } from "./world.ts";

export interface Shrunk {
  readonly scenario: Scenario;
  readonly violation: Violation;
  /** How many scenarios were tried. */
  readonly tries: number;
}

/** How often to try, at most. */
const maxTries = 1_500;

export async function shrink(scenario: Scenario, violation: Violation, maxMs = 60_000): Promise<Shrunk> {
  const shrinker = new Shrinker(scenario, violation, maxMs);
  await shrinker.shrink();
  return shrinker;
}

class Shrinker implements Shrunk {
  scenario: Scenario;
  violation: Violation;
  tries = 0;
  readonly #endTs: number;

  constructor(scenario: Scenario, violation: Violation, maxMs: number) {
    this.scenario = scenario;
    this.violation = violation;
    this.#endTs = performance.now() + maxMs;
  }

  async shrink(): Promise<void> {
    for (let before = ""; before !== JSON.stringify(this.scenario) && !this.#isOver; ) {
      before = JSON.stringify(this.scenario);
      await this.#shorten();
      await this.#removeDevices();
      await this.#removeOf("steps");
      await this.#removeOf("faults");
      await this.#simplify(candidatesForTraits);
      await this.#simplify(candidatesForServer);
      await this.#simplify(candidatesForFaults);
      await this.#simplify(candidatesForTimes);
    }
  }

  get #isOver(): boolean {
    return this.tries >= maxTries || performance.now() > this.#endTs;
  }

  async #try(candidate: Scenario): Promise<boolean> {
    if (this.#isOver) return false;
    this.tries += 1;
    const { violation } = await run(candidate);
    const isSame = violation?.invariant === this.violation.invariant && violation.how === this.violation.how;
    if (!isSame) return false;
    this.scenario = candidate;
    this.violation = violation;
    return true;
  }

  /** Leaves out what comes after the violation. */
  async #shorten(): Promise<void> {
    const { scenario, violation } = this;
    if (violation.atMs >= scenario.calmMs) return;
    const calmMs = violation.atMs + 1;
    await this.#try({
      ...scenario,
      calmMs,
      steps: scenario.steps.filter(({ atMs }) => atMs < calmMs),
      faults: Array.from(
        scenario.faults.filter(({ fromMs }) => fromMs < calmMs),
        (fault) => ({ ...fault, toMs: Math.min(fault.toMs, calmMs) }),
      ),
    });
  }

  async #removeDevices(): Promise<void> {
    for (let index = this.scenario.devices.length - 1; index >= 0; index--)
      if (this.scenario.devices.length > 1) await this.#try(withoutDevice(this.scenario, index));
  }

  /** Halves first, then smaller parts, then one at a time. */
  async #removeOf(list: "steps" | "faults"): Promise<void> {
    for (let size = Math.ceil(this.scenario[list].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
      for (let at = this.scenario[list].length - size; at > -size; at -= size) {
        const from = Math.max(0, at);
        await this.#try({ ...this.scenario, [list]: this.scenario[list].toSpliced(from, size) });
      }
  }

  async #simplify(candidatesOf: (scenario: Scenario) => Iterable<Scenario>): Promise<void> {
    for (let hasChanged = true; hasChanged && !this.#isOver; ) {
      hasChanged = false;
      for (const candidate of candidatesOf(this.scenario))
        if (await this.#try(candidate)) {
          hasChanged = true;
          break;
        }
    }
  }
}

function withoutDevice(scenario: Scenario, index: number): Scenario {
  const renumbered = (device: number) => (device > index ? device - 1 : device);
  return {
    ...scenario,
    devices: scenario.devices.toSpliced(index, 1),
    steps: Array.from(
      scenario.steps.filter(({ device }) => device !== index),
      (step) => ({ ...step, device: renumbered(step.device) }),
    ),
    faults: scenario.faults.flatMap((fault) => {
      if (!fault.devices) return fault;
      const devices = fault.devices.filter((device) => device !== index).map(renumbered);
      return devices.length > 0 ? { ...fault, devices } : [];
    }),
  };
}

const optionalTraits = ["timing", "rotation", "format", "keyTransport", "aheadMs", "stopsTime"] as const;

function* candidatesForTraits(scenario: Scenario): Iterable<Scenario> {
  for (const [index, traits] of scenario.devices.entries()) {
    const withTraits = (changed: DeviceTraits): Scenario => ({
      ...scenario,
      devices: scenario.devices.with(index, changed),
    });
    for (const name of optionalTraits) if (name in traits) yield withTraits(without(traits, name));
    for (const name of ["timing", "rotation"] as const)
      for (const field of Object.keys(traits[name] ?? {}))
        yield withTraits({ ...traits, [name]: without(traits[name] as Record<string, unknown>, field) });
    if (traits.client === "sdk") yield withTraits({ ...traits, client: "ours" });
    if (traits.mode !== "compatibility") yield withTraits({ ...traits, mode: "compatibility" });
  }
}

function* candidatesForServer(scenario: Scenario): Iterable<Scenario> {
  const { server } = scenario;
  const plain = { latencyMs: 20, syncMs: 20, delayedEvents: true, encrypted: false };
  for (const [name, value] of Object.entries(plain))
    if (server[name as keyof typeof plain] !== value) yield { ...scenario, server: { ...server, [name]: value } };
  if (server.maxDelayMs !== undefined) yield { ...scenario, server: without(server, "maxDelayMs") };
}

function* candidatesForFaults(scenario: Scenario): Iterable<Scenario> {
  for (const [index, fault] of scenario.faults.entries()) {
    const withFault = (changed: Fault): Scenario => ({ ...scenario, faults: scenario.faults.with(index, changed) });
    if (fault.probability !== undefined) yield withFault(without(fault, "probability"));
    if (!fault.devices) for (const device of scenario.devices.keys()) yield withFault({ ...fault, devices: [device] });
    if (fault.retryAfterMs !== undefined) yield withFault(without(fault, "retryAfterMs"));
    const { fromMs, toMs } = fault;
    const lengthMs = toMs - fromMs;
    if (lengthMs > 1_000) {
      yield withFault({ ...fault, toMs: roundUp(fromMs + lengthMs / 2) });
      yield withFault({ ...fault, fromMs: roundUp(toMs - lengthMs / 2) });
    }
  }
}

/** Earlier, and at round times. */
function* candidatesForTimes(scenario: Scenario): Iterable<Scenario> {
  for (const [index, step] of scenario.steps.entries()) {
    const before = scenario.steps[index - 1]?.atMs ?? 0;
    const withStep = (atMs: number): Scenario => ({
      ...scenario,
      steps: scenario.steps.with(index, { ...step, atMs }),
    });
    const rounded: Step["atMs"][] = [1_000, 100, 10].map((unit) => Math.round(step.atMs / unit) * unit);
    for (const atMs of rounded) {
      if (atMs === step.atMs) break;
      if (atMs >= before && atMs < scenario.calmMs) yield withStep(atMs);
    }
    // Everything later comes earlier as well.
    const gapMs = step.atMs - before;
    if (gapMs > 2_000) yield earlier(scenario, step.atMs, Math.floor(gapMs / 2 / 1_000) * 1_000);
  }
}

/** Moves everything that begins at `fromMs` or later. */
const earlier = (scenario: Scenario, fromMs: number, byMs: number): Scenario => {
  const moved = (ms: number) => (ms >= fromMs ? ms - byMs : ms);
  return {
    ...scenario,
    calmMs: moved(scenario.calmMs),
    steps: Array.from(scenario.steps, (step) => ({ ...step, atMs: moved(step.atMs) })),
    faults: Array.from(scenario.faults, (fault) => ({
      ...fault,
      fromMs: moved(fault.fromMs),
      toMs: moved(fault.toMs),
    })),
  };
};

const roundUp = (ms: number): number => Math.ceil(ms / 100) * 100;

function without<T extends object>(object: T, name: string): T {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name)) as T;
}
