// Bounds: how long a scenario may take for what it must do in the end, by the options of its devices.
import type { DeviceTraits, Fault, Scenario } from "./scenario.ts";

/** After trouble everything is well again within this time, with the default options. docs/budgets.md. */
const wellMs = 60_000;

/** How long a device may need until it is well, after the last trouble. */
export function recoveryMs(scenario: Scenario, { timing = {} }: DeviceTraits): number {
  const {
    delayedLeaveMs = 18_000,
    networkRetryMs = 3_000,
    rateLimitRetryMs = 5_000,
    requestTimeoutMs = 10_000,
    jitter = 0.1,
  } = timing;
  const retryAfterMs = Math.max(0, ...scenario.faults.map((fault) => Math.min(fault.retryAfterMs ?? 0, 300_000)));
  const slow = 2 * requestTimeoutMs - 20_000;
  return (
    wellMs +
    10 * (networkRetryMs * (1 + jitter) - 3_300) * Number(networkRetryMs > 3_000) +
    Math.max(0, slow) +
    Math.max(0, rateLimitRetryMs - 5_000) +
    // The delayed leave of a page that is gone ends the membership of the page after it, which then joins again.
    Math.max(0, delayedLeaveMs - 18_000) +
    retryAfterMs
  );
}

/** The time after which everybody must be well. */
export const restMs = (scenario: Scenario): number =>
  Math.max(...scenario.devices.map((traits) => recoveryMs(scenario, traits))) + 5_000;

/** Faults that delay what a device does or sees. */
export function lastTroubleMs(scenario: Scenario, atMs: number): number {
  let lastMs = 0;
  for (const fault of scenario.faults) {
    if (fault.fromMs > atMs) continue;
    lastMs = Math.max(lastMs, Math.min(atMs, fault.toMs + afterglowMs(fault)));
  }
  for (const step of scenario.steps) if (step.atMs <= atMs) lastMs = Math.max(lastMs, step.atMs);
  return lastMs;
}

/** What was late when the fault ended still comes. */
const afterglowMs = ({ kind, ms = 0 }: Fault): number => (kind.endsWith("late") ? ms : 0);

/** A timer that has stopped in a sleep waits for its rest afterwards. The longest timer of a page has this time. */
export const lateTimerMs = 30_000;
