// Rotation: when our key has to change, and why. protocol.md 5.1.
import { RtcError } from "../errors.ts";

/**
 * When our media key changes: a trade between what leavers and joiners can decrypt, and the number of messages.
 *
 * `rotationCost` computes both sides. Source: protocol.md 5.1, MSC4143 and the options of matrix-js-sdk.
 *
 * @example
 * ```ts
 * import { rotationCost, type RotationPolicy } from "matrixrtc-rx";
 *
 * // One new key for all leaves of 4 s. A leaver can decrypt for 5 s at most.
 * const policy: Partial<RotationPolicy> = { coalesceMs: 4_000, useDelayMs: 1_000 };
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
  /** A joiner gets the key in use if that is younger than this, and otherwise causes a new key. Default 10000. */
  readonly graceMs: number;
  /** How long leaves are collected before one new key covers all of them. Default 0: each leave makes a new key at once. */
  readonly coalesceMs: number;
  /** The longest time between two keys. Default Infinity: age alone never makes a new key. */
  readonly periodMs: number;
  /** With this many members or more, ourselves included, the key stays. Default Infinity. */
  readonly participantLimit: number;
}

const defaults: RotationPolicy = {
  useDelayMs: 1000,
  graceMs: 10_000,
  coalesceMs: 0,
  periodMs: Infinity,
  participantLimit: Infinity,
};

/**
 * Fills in the defaults.
 *
 * @throws RtcError `bad-argument` for a value that makes no sense.
 */
export function resolveRotation(policy: Partial<RotationPolicy> = {}): RotationPolicy {
  const rotation = { ...defaults, ...policy };
  for (const name of ["useDelayMs", "graceMs", "coalesceMs"] as const)
    check(rotation[name] >= 0 && rotation[name] < Infinity, `${name} must be a number of milliseconds, 0 or more`);
  check(rotation.periodMs > 0, "periodMs must be more than 0 ms");
  check(rotation.participantLimit >= 1, "participantLimit must be 1 or more");
  return rotation;
}

function check(isValid: boolean, message: string): void {
  if (!isValid) throw new RtcError("bad-argument", `keys.rotation.${message}`);
}

/** Why a new key of ours is made. */
export type RotationReason =
  /** The first one of this join. */
  | "first"
  /** A member left that could decrypt with the key before. */
  | "leave"
  /** A member joined that must not decrypt earlier media. */
  | "join"
  /** It is `periodMs` old. */
  | "period";

/** What a rotation depends on. A time is absent where there is no cause. */
export interface RotationInputs {
  /** Members in the call, ourselves included. */
  readonly memberCount: number;
  /** When the newest key was made, if anybody else uses it. */
  readonly createdTs: number | undefined;
  /** Since when a device outside the call may hold the newest key. */
  readonly exposedSinceTs: number | undefined;
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
  const { memberCount, createdTs, exposedSinceTs, awaitedSinceTs, pendingUntilTs = -Infinity } = inputs;
  if (memberCount >= policy.participantLimit) return undefined;
  const causes: readonly [RotationReason, number | undefined, number][] = [
    ["leave", exposedSinceTs, policy.coalesceMs],
    ["join", awaitedSinceTs, 0],
    ["period", createdTs, policy.periodMs],
  ];
  let next: Rotation | undefined;
  for (const [reason, sinceTs, afterMs] of causes) {
    if (sinceTs === undefined) continue;
    const dueTs = Math.max(sinceTs + afterMs, pendingUntilTs);
    if (dueTs < (next?.dueTs ?? Infinity)) next = { reason, dueTs };
  }
  return next;
}
