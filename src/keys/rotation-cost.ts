// RotationCost: what a rotation policy costs, and what it protects from. protocol.md 5.1.
import { resolveRotation, type RotationPolicy } from "./rotation.ts";

/** How lively a call is. */
export interface CallTraffic {
  /** Members in the call, ourselves included. */
  readonly members: number;
  readonly joinsPerHour: number;
  readonly leavesPerHour: number;
}

/** The cost of a rotation policy and its protection, in numbers. */
export interface RotationCost {
  /**
   * The longest time that a leaver can decrypt our media, counted from when we see the leave.
   * Infinity where `participantLimit` keeps the key.
   */
  readonly leaverExposureMs: number;
  /** How far back a joiner can decrypt: the greatest age of the key that it gets. During a rotation it can be older. */
  readonly joinerReachMs: number;
  /** The longest time from sending a key to a joiner until we use it. */
  readonly joinerWaitMs: number;
  /** New keys that we make in an hour, at most and on average. */
  readonly rotationsPerHour: number;
  /** Messages that we send in an hour, at most and on average. Every member sends that many. */
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
 * import { rotationCost } from "matrixrtc-rx";
 *
 * const traffic = { members: 100, joinsPerHour: 3600, leavesPerHour: 3600 };
 * const thrifty = rotationCost({ coalesceMs: 4000 }, traffic);
 * console.assert(thrifty.leaverExposureMs === 5000);
 * console.assert(thrifty.messagesPerHour < rotationCost({}, traffic).messagesPerHour);
 * ```
 */
export function rotationCost(policy: Partial<RotationPolicy>, traffic: CallTraffic): RotationCost {
  const { useDelayMs, graceMs, coalesceMs, periodMs, participantLimit } = resolveRotation(policy);
  const { members, joinsPerHour, leavesPerHour } = traffic;
  const isLimited = members >= participantLimit;
  // Only one key is rolled out at a time. A leave during that waits for its end, and the next key covers it.
  const gatherMs = Math.max(coalesceMs, useDelayMs);
  // The first leave opens a window. The new key at its end covers all leaves of the window.
  const byLeaves =
    leavesPerHour > 0 ? hourMs / (hourMs / leavesPerHour + idleMs(leavesPerHour, coalesceMs, useDelayMs)) : 0;
  const byJoins = joinsPerHour > 0 ? hourMs / (hourMs / joinsPerHour + graceMs) : 0;
  const rotationsPerHour = isLimited ? 0 : byLeaves + byJoins + hourMs / periodMs;
  // A joiner during a rotation gets two keys.
  const keysPerJoin = 1 + Math.min(1, (rotationsPerHour * useDelayMs) / hourMs);
  const others = Math.max(0, members - 1);
  return {
    leaverExposureMs: isLimited ? Infinity : gatherMs + useDelayMs,
    joinerReachMs: isLimited ? Infinity : graceMs,
    joinerWaitMs: useDelayMs,
    rotationsPerHour,
    messagesPerHour: rotationsPerHour * others + joinsPerHour * keysPerJoin,
  };
}

/** The mean time from the first leave after a rotation until the next rotation. */
function idleMs(leavesPerHour: number, coalesceMs: number, useDelayMs: number): number {
  const heldMs = Math.max(0, useDelayMs - coalesceMs);
  const meanMs = hourMs / leavesPerHour;
  // E[max(X, held)] - E[X] for an exponential X, and the window on top.
  return coalesceMs + heldMs - meanMs * (1 - Math.exp(-heldMs / meanMs));
}
