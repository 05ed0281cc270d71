// Rotation: when our key has to change, and why. protocol.md 5.1.
import { check, type NumberRule, resolveNumbers } from "../arguments.ts";

/** What a join does to our key. */
export type OnJoin = "new-key" | "ratchet";

/**
 * When our media key changes: a trade between what leavers and joiners can decrypt, and the number of messages. Times are
 * milliseconds, 8,640,000,000 at most.
 *
 * `rotationCost` of `matrixrtc-rx/testing` computes both sides. Source: protocol.md 5.1, MSC4143 and the options of matrix-js-sdk.
 *
 * @example
 * ```ts
 * import type { RotationPolicy } from "matrixrtc-rx/encryption";
 * import { rotationCost } from "matrixrtc-rx/testing";
 *
 * // One new key for all leaves of 4 s. A leaver can decrypt for 5 s at most.
 * const policy: Partial<RotationPolicy> = { coalesceMs: 4_000, maxCoalesceMs: 4_000, useDelayMs: 1_000 };
 * const cost = rotationCost(policy, { members: 50, joinsPerHour: 60, leavesPerHour: 60 });
 * console.assert(cost.leaverExposureMs === 5_000);
 * ```
 */
export interface RotationPolicy {
  /**
   * How long a new key travels before we encrypt with it. Default 1000.
   * It counts from the moment of sending, so the limit on a leaver's exposure holds on a slow network too.
   */
  readonly useDelayMs: number;
  /**
   * What a join does. Default `new-key`: a new key goes to all members, after `graceMs`.
   *
   * `ratchet`: we go on with the next step of the key in use, and only the joiner gets a message, at once. It can decrypt
   * nothing of the past. The others derive the step: LiveKit does that if its `ratchetWindowSize` is more than 0. Members
   * that follow one step only, such as those of matrix-js-sdk, get every second step by a message. After eight steps
   * there is a new key. Two steps are 1 s apart at least, so a joiner that comes within 1 s of another one waits for that
   * long. Needs the key transport `to-device`. docs/ratchet.md.
   */
  readonly onJoin: OnJoin;
  /**
   * A joiner gets the key in use if that is younger than this, and otherwise causes a new key. So it can decrypt up to this much
   * of the past. Default 10000. Not used with `onJoin: "ratchet"`.
   */
  readonly graceMs: number;
  /**
   * How long leaves are collected before one new key covers all of them. Default 0: a single leave makes a new key at once.
   * While leaves keep coming, the time grows: see `maxCoalesceMs`.
   */
  readonly coalesceMs: number;
  /**
   * While leaves keep coming, the time in which they are collected doubles from 1 s up to this. Default 10000. It halves
   * for each 10 s without a new key for a leave. Set it to `coalesceMs` or to 0, and it does not grow.
   */
  readonly maxCoalesceMs: number;
  /** The longest time between two keys. From 1. Default Infinity: age alone never makes a new key. */
  readonly periodMs: number;
  /**
   * With this many users or more in the call, ourselves included, the key stays. Default Infinity. But a user who
   * can decrypt and is kicked or banned always causes a new key.
   */
  readonly participantLimit: number;
}

const delays = [0, 100 * 86_400_000] as const;

const numbers: { readonly [K in keyof Omit<RotationPolicy, "onJoin">]: NumberRule } = {
  useDelayMs: [1_000, ...delays],
  graceMs: [10_000, ...delays],
  coalesceMs: [0, ...delays],
  maxCoalesceMs: [10_000, ...delays],
  periodMs: [Infinity, 1, Infinity],
  participantLimit: [Infinity, 1, Infinity],
};

/**
 * Fills in the defaults.
 *
 * @throws RtcError `bad-argument` for a value that makes no sense.
 */
export function resolveRotation(policy: Partial<RotationPolicy> = {}): RotationPolicy {
  const { onJoin = "new-key" } = policy;
  check(["new-key", "ratchet"].includes(onJoin), "keys.rotation.onJoin must be new-key or ratchet");
  return { onJoin, ...resolveNumbers("keys.rotation", numbers, policy) };
}

/** Why a new key of ours is made. */
export type RotationReason =
  /** The first one of this join. */
  | "first"
  /** A member left that could decrypt with the key before. */
  | "leave"
  /** A user who could decrypt with the key before was kicked or banned. */
  | "removal"
  /** A member joined that must not decrypt earlier media. */
  | "join"
  /** It is `periodMs` old. */
  | "period";

/** What a rotation depends on. A time is absent where there is no cause. */
export interface RotationInputs {
  /** Users in the call, ourselves included. */
  readonly userCount: number;
  /** When the newest key was made, if anybody else uses it. */
  readonly createdTs: number | undefined;
  /** Since when a device outside the call may hold the newest key. */
  readonly exposedSinceTs: number | undefined;
  /** How long leaves are collected at present, if that is longer than `coalesceMs`. */
  readonly collectMs: number;
  /** Since when a user who was kicked or banned may hold the newest key. */
  readonly removedSinceTs: number | undefined;
  /** Since when a joiner waits for a new key, because it came too late for the key in use. */
  readonly awaitedSinceTs: number | undefined;
  /** When the newest key comes into use, if it is not in use yet. Only one key is rolled out at a time. */
  readonly pendingUntilTs: number | undefined;
}

export interface Rotation {
  readonly reason: RotationReason;
  readonly dueTs: number;
}

/** The next rotation, as far as is known now. */
export function nextRotation(policy: RotationPolicy, inputs: RotationInputs): Rotation | undefined {
  const { userCount, createdTs, exposedSinceTs, collectMs, removedSinceTs, awaitedSinceTs } = inputs;
  const { pendingUntilTs = -Infinity } = inputs;
  const causes: readonly [RotationReason, number | undefined, number][] = [
    ["removal", removedSinceTs, 0],
    ["leave", exposedSinceTs, Math.max(policy.coalesceMs, collectMs)],
    ["join", awaitedSinceTs, 0],
    ["period", createdTs, policy.periodMs],
  ];
  let next: Rotation | undefined;
  for (const [reason, sinceTs, afterMs] of userCount < policy.participantLimit ? causes : causes.slice(0, 1)) {
    if (sinceTs === undefined) continue;
    const dueTs = Math.max(sinceTs + afterMs, pendingUntilTs);
    if (dueTs < (next?.dueTs ?? Infinity)) next = { reason, dueTs };
  }
  return next;
}

/** How long leaves are collected, as of the last key made for a leave. */
export interface Collecting {
  readonly ms: number;
  /** When that key was made. */
  readonly ts: number;
}

const firstCollectMs = 1_000;
/** The time to collect halves for each such time without a new key for a leave. */
export const quietMs = 10_000;

/** How long leaves are collected that begin at `ts`. It halves for each 10 s of quiet. */
export function collectMsAt({ ms, ts: lastTs }: Collecting, ts: number): number {
  const quietPeriods = Math.max(0, Math.floor((ts - lastTs) / quietMs));
  const leftMs = ms / 2 ** quietPeriods;
  return leftMs < firstCollectMs ? 0 : leftMs;
}

/** The new collecting time after a key at `now`: twice the old one, up to `maxCoalesceMs`. The leaves began at `sinceTs`. */
export function nextCollecting(policy: RotationPolicy, before: Collecting, sinceTs: number, now: number): Collecting {
  const grownMs = Math.max(firstCollectMs, 2 * collectMsAt(before, sinceTs));
  return { ms: Math.min(policy.maxCoalesceMs, grownMs), ts: now };
}
