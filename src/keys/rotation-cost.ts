// RotationCost: what a rotation policy costs, and what it protects from. protocol.md 5.1.
import { maxSteps } from "./ratchet.ts";
import { quietMs, resolveRotation, type RotationPolicy } from "./rotation.ts";

/** How lively a call is. */
export interface CallTraffic {
  /** Members in the call, each of its own user, ourselves included. */
  readonly members: number;
  readonly joinsPerHour: number;
  readonly leavesPerHour: number;
}

/** The cost of a rotation policy and its protection, in numbers. */
export interface RotationCost {
  /**
   * The longest time that a leaver can decrypt our media while leaves keep coming, counted from when we see its leave.
   * Infinity where `participantLimit` keeps the key. A user who is kicked or banned never waits for other leaves.
   */
  readonly leaverExposureMs: number;
  /** The same for a leave that comes after a minute without any. */
  readonly singleLeaverExposureMs: number;
  /** How far back a joiner can decrypt: the greatest age of the key that it gets. During a rotation it can be older. */
  readonly joinerReachMs: number;
  /** The longest time from sending a key to a joiner until we use it. */
  readonly joinerWaitMs: number;
  /** New keys that we make in an hour, at most and on average. */
  readonly rotationsPerHour: number;
  /**
   * Messages that we send in an hour, at most and on average. Every member sends that many. With `onJoin: "ratchet"`, a
   * member that follows one step only gets one more for every second join. It is not counted.
   */
  readonly messagesPerHour: number;
}

const hourMs = 3_600_000;

/**
 * What a rotation policy costs, and what it protects from, in a call whose members join and leave at random. Every field
 * of the policy has its default. protocol.md 5.1.
 *
 * @throws RtcError `bad-argument` for a policy that makes no sense.
 * @example
 * ```ts
 * import { rotationCost } from "matrixrtc-rx/testing";
 *
 * const traffic = { members: 100, joinsPerHour: 3600, leavesPerHour: 3600 };
 * const thrifty = rotationCost({ coalesceMs: 4000 }, traffic);
 * console.assert(thrifty.singleLeaverExposureMs === 5000 && thrifty.leaverExposureMs === 11_000);
 * console.assert(thrifty.messagesPerHour < rotationCost({ maxCoalesceMs: 0 }, traffic).messagesPerHour);
 * ```
 */
export function rotationCost(policy: Partial<RotationPolicy>, traffic: CallTraffic): RotationCost {
  const { useDelayMs, graceMs, coalesceMs, maxCoalesceMs, periodMs, participantLimit } = resolveRotation(policy);
  const ratchets = resolveRotation(policy).onJoin === "ratchet";
  const { members, joinsPerHour, leavesPerHour } = traffic;
  const isLimited = members >= participantLimit;
  const grownMs = Math.max(coalesceMs, maxCoalesceMs);
  // The first leave opens a window. The new key at its end covers all leaves of the window. The window grows while the
  // next leave comes before the time to collect shrinks again.
  const meanMs = hourMs / leavesPerHour;
  const windowMs = meanMs <= quietMs ? grownMs : coalesceMs;
  const byLeaves = leavesPerHour > 0 ? hourMs / (meanMs + idleMs(meanMs, windowMs, useDelayMs)) : 0;
  const byAge = hourMs / periodMs;
  const byJoins = ratchets
    ? rotationsByRatchet(joinsPerHour, byLeaves + byAge)
    : hourMs / (hourMs / joinsPerHour + graceMs);
  const rotationsPerHour = isLimited ? 0 : byLeaves + byJoins + byAge;
  // A joiner during a rotation gets two keys.
  const keysPerJoin = 1 + Math.min(1, (rotationsPerHour * useDelayMs) / hourMs);
  const others = Math.max(0, members - 1);
  return {
    // Only one key is rolled out at a time. A leave during that waits for its end, and the next key covers it.
    leaverExposureMs: isLimited ? Infinity : Math.max(grownMs, useDelayMs) + useDelayMs,
    singleLeaverExposureMs: isLimited ? Infinity : Math.max(coalesceMs, useDelayMs) + useDelayMs,
    joinerReachMs: isLimited ? Infinity : ratchets ? 0 : graceMs,
    joinerWaitMs: ratchets ? 0 : useDelayMs,
    rotationsPerHour,
    messagesPerHour: rotationsPerHour * others + joinsPerHour * keysPerJoin,
  };
}

/** New keys in an hour because a key has made all its steps. Other causes, which begin the steps again, make `others`. */
function rotationsByRatchet(joinsPerHour: number, others: number): number {
  const share = (joinsPerHour / (joinsPerHour + others)) ** (maxSteps + 1);
  return others > 0 ? (others * share) / (1 - share) : joinsPerHour / (maxSteps + 1);
}

/** The mean time from the first leave after a rotation until the next rotation. */
function idleMs(meanMs: number, windowMs: number, useDelayMs: number): number {
  const heldMs = Math.max(0, useDelayMs - windowMs);
  // E[max(X, held)] - E[X] for an exponential X, and the window on top.
  return windowMs + heldMs - meanMs * (1 - Math.exp(-heldMs / meanMs));
}
