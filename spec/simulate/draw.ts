// Draw: makes a scenario of one integer: who takes part, what they do, and what goes wrong.
import type { JoinTiming } from "../../src/join/options.ts";
import type { RotationPolicy } from "../../src/keys/rotation.ts";
import type { MatrixErrorKind } from "../../src/matrix.ts";
import type { Random } from "../fuzz/random.ts";
import { between, chanceOf, happens } from "./chance.ts";
import type { DeviceTraits, Fault, RequestKind, Scenario, ServerTraits, Step } from "./scenario.ts";

const minuteMs = 60_000;
const names = [
  "alice",
  "bob",
  "carl",
  "dora",
  "emil",
  "fay",
  "gus",
  "hana",
  "ivo",
  "joy",
  "kai",
  "lea",
  "max",
] as const;
const modes = ["compatibility", "compatibility", "matrix_2_0", "matrix_2_0", "legacy"] as const;

export interface DrawOptions {
  /** Two to six devices and a few minutes. */
  readonly isSmall?: boolean;
  /** Without sessions of matrix-js-sdk, which need promises and take longer. */
  readonly withoutSdk?: boolean;
}

export function draw(seed: number, { isSmall = false, withoutSdk = false }: DrawOptions = {}): Scenario {
  const random = chanceOf(seed, "scenario");
  const size = isSmall ? 0 : random.next();
  const [count, lengthMs] =
    size < 0.75
      ? [between(random, 2, 5), between(random, 1, 8) * minuteMs]
      : size < 0.95
        ? [between(random, 4, 10), between(random, 5, 60) * minuteMs]
        : size < 0.985
          ? [between(random, 2, 4), between(random, 60, 300) * minuteMs]
          : [between(random, 15, 50), between(random, 2, 6) * minuteMs];
  const hasSdk = !withoutSdk && happens(random, 0.15);
  const server = serverTraits(random);
  const isMild = happens(random, 0.2);
  const devices = Array.from({ length: count }, (_, index) => ({
    ...deviceTraits(random, index, hasSdk, server),
    ...(happens(chanceOf(seed, `sleep of ${index}`), 0.3) && { stopsTime: true }),
  }));
  const faults = isMild
    ? []
    : Array.from({ length: random.integer(count < 10 ? 5 : 3) }, () => fault(random, count, lengthMs));
  const steps = devices.flatMap((traits, device) => stepsOf(random, device, traits, lengthMs, isMild));
  return { seed, server, devices, steps: steps.toSorted((a, b) => a.atMs - b.atMs), faults, calmMs: lengthMs };
}

function serverTraits(random: Random): ServerTraits {
  return {
    latencyMs: random.pick([1, 20, 20, 100, 400, 1_200]),
    syncMs: random.pick([1, 20, 20, 150, 800]),
    delayedEvents: happens(random, 0.9),
    encrypted: happens(random, 0.85),
    ...(happens(random, 0.08) && { maxDelayMs: random.pick([10_000, 15_000]) }),
  };
}

function deviceTraits(random: Random, index: number, hasSdk: boolean, { latencyMs }: ServerTraits): DeviceTraits {
  const isSdk = hasSdk && happens(random, 0.4);
  // Some users have two devices.
  const person = index > 0 && happens(random, 0.15) ? index - 1 : index;
  const user = `${names[person % names.length]}${person >= names.length ? Math.floor(person / names.length) : ""}`;
  const mode = random.pick(modes);
  const rotation = happens(random, 0.3) ? rotationOf(random) : undefined;
  const timing = happens(random, 0.3) ? timingOf(random, latencyMs) : undefined;
  // A short life leaves no room for a wrong clock.
  const isShortLived = timing?.expiryMs === 60_000;
  return {
    user,
    deviceId: `D${index}`,
    client: isSdk ? "sdk" : "ours",
    mode: isSdk && mode === "legacy" ? "compatibility" : mode,
    ...(timing && !isSdk && { timing }),
    ...(rotation && !isSdk && { rotation }),
    ...(!isSdk && happens(random, 0.1) && { format: "m.rtc.encryption_key" as const }),
    ...(happens(random, 0.25) && !isShortLived && { aheadMs: random.pick([-30_000, -2_000, 700, 5_000, 40_000]) }),
  };
}

function rotationOf(random: Random): Partial<RotationPolicy> {
  return {
    useDelayMs: random.pick([0, 200, 1_000, 5_000]),
    graceMs: random.pick([0, 3_000, 10_000, 30_000]),
    coalesceMs: random.pick([0, 0, 2_000, 6_000]),
    ...(happens(random, 0.3) && { maxCoalesceMs: random.pick([0, 3_000]) }),
    ...(happens(random, 0.3) && { periodMs: random.pick([20_000, 120_000]) }),
  };
}

/** Each option now and then at one of its ends, as far as they agree with each other. */
function timingOf(random: Random, latencyMs: number): JoinTiming {
  // A delayed leave that is shorter than a few round trips cannot be kept alive.
  const delayedLeaveMs = random.pick([2_000, 8_000, 18_000, 60_000].filter((ms) => ms > 8 * latencyMs));
  return {
    ...(happens(random, 0.5) && {
      delayedLeaveMs,
      delayedLeaveRestartMs: Math.min(random.pick([500, 1_000, 5_000]), delayedLeaveMs / 2),
    }),
    ...(happens(random, 0.3) && { delayedLeaveRestartTimeoutMs: random.pick([300, 2_000, 10_000]) }),
    ...(happens(random, 0.3) && {
      requestTimeoutMs: random.pick([1_000, 10_000, 30_000].filter((ms) => ms > 4 * latencyMs)),
    }),
    ...(happens(random, 0.2) && {
      expiryMs: random.pick([60_000, 600_000, 43_200_000]),
      expiryHeadroomMs: random.pick([5_000, 20_000]),
    }),
    ...(happens(random, 0.2) && { networkRetryMs: random.pick([100, 3_000, 10_000]) }),
    ...(happens(random, 0.2) && { rateLimitRetryMs: random.pick([100, 20_000]) }),
    ...(happens(random, 0.2) && { leaveTimeoutMs: random.pick([100, 30_000]) }),
    ...(happens(random, 0.2) && { jitter: random.pick([0, 1]) }),
    ...(happens(random, 0.1) && { maxRetries: random.pick([0, 3, 50]) }),
  };
}

/** The life of one device: it joins, something happens to it, it leaves or stays. */
function stepsOf(
  random: Random,
  device: number,
  { client, timing }: DeviceTraits,
  lengthMs: number,
  isMild: boolean,
): Step[] {
  const steps: Step[] = [];
  let atMs = random.integer(Math.min(lengthMs, 2 * minuteMs));
  const until = lengthMs;
  const add = (act: Step["act"], ms?: number) => steps.push({ atMs, device, act, ...(ms !== undefined && { ms }) });
  const waitMs = (maxMs: number) => Math.floor(maxMs ** random.next());
  add("join");
  const busy = random.integer(isMild ? 4 : 9);
  for (let count = 0; count < busy; count++) {
    atMs += waitMs(Math.max(10, until - atMs));
    if (atMs >= until) break;
    switch (random.integer(isMild ? 4 : 14)) {
      case 0:
      case 1:
        add("leave");
        atMs += waitMs(60_000);
        if (atMs < until && happens(random, 0.75)) add("join");
        break;
      case 2:
        add("close");
        atMs += waitMs(60_000);
        if (atMs < until && happens(random, 0.75)) add("join");
        break;
      case 3:
        add("intent");
        break;
      case 4:
        add("kill");
        atMs += waitMs(60_000);
        if (atMs < until && happens(random, 0.6)) add("join");
        break;
      case 5:
        add("reload");
        break;
      case 6:
      case 7:
        add("sleep");
        atMs += waitMs(3 * minuteMs);
        add("wake");
        break;
      case 8:
        if (client === "ours" && timing?.expiryMs !== 60_000)
          add("clock", random.pick([-3_600_000, -45_000, -800, 1_500, 30_000, 7_200_000]));
        break;
      case 9:
        if (device === 0) break;
        add("kick");
        atMs += waitMs(60_000);
        add("enter-room");
        atMs += waitMs(10_000);
        add("join");
        break;
      case 10:
        add("lose-delayed");
        break;
      case 11:
        add("overwrite");
        break;
      case 12:
        if (happens(random, 0.3)) add("forget-members");
        break;
      default:
        add("leave");
        atMs += waitMs(3_000);
        add("join");
    }
  }
  return Array.from(steps, (step) => ({ ...step, atMs: Math.min(step.atMs, until - 1) }));
}

const requestKinds: readonly RequestKind[] = [
  "send",
  "schedule",
  "restart",
  "cancel",
  "send-delayed",
  "delayed-events",
  "to-device",
];
const faultKinds: readonly Fault["kind"][] = [
  "request-lost",
  "answer-lost",
  "request-late",
  "answer-late",
  "refused",
  "refused",
  "refused-after",
  "offline",
  "offline",
  "silent",
  "server-down",
  "sync-stalled",
  "sync-late",
  "sync-twice",
  "sync-gap",
  "to-device-lost",
  "to-device-late",
  "no-delayed-events",
];
const errors: readonly MatrixErrorKind[] = [
  "rate-limited",
  "rate-limited",
  "network",
  "network",
  "timeout",
  "not-found",
  "conflict",
  "forbidden",
  "other",
];

function fault(random: Random, count: number, lengthMs: number): Fault {
  const kind = random.pick(faultKinds);
  const fromMs = random.integer(lengthMs);
  const toMs = Math.min(lengthMs, fromMs + Math.floor((5 * minuteMs) ** random.next()) + 100);
  const error = kind.startsWith("refused") ? random.pick(errors) : undefined;
  const isOfRequests = kind.startsWith("re") || kind.startsWith("answer");
  return {
    kind,
    fromMs,
    toMs,
    ...(happens(random, 0.7) && { devices: [random.integer(count)] }),
    ...(isOfRequests && happens(random, 0.7) && { requests: [random.pick(requestKinds)] }),
    ...(happens(random, 0.5) && { probability: random.pick([0.1, 0.3, 0.7]) }),
    ...(kind.endsWith("late") && { ms: random.pick([50, 1_000, 4_000, 12_000, 40_000]) }),
    ...(error && { error }),
    ...(error === "rate-limited" && happens(random, 0.5) && { retryAfterMs: random.pick([100, 3_000, 60_000]) }),
  };
}
