// RotationCost: both sides of the trade that a rotation policy makes. protocol.md 5.1.
import { resolveKeyOptions, type RotationPolicy } from "./options.ts";

/** How lively a call is. */
export interface CallTraffic {
  /** Members in the call, ourselves included. */
  readonly members: number;
  readonly joinsPerHour: number;
  readonly leavesPerHour: number;
}

export interface RotationCost {
  /**
   * The longest that we encrypt with a key that somebody holds who has left, counted from when we see the leave.
   * Infinity where `participantLimit` keeps the key.
   */
  readonly leaverExposureMs: number;
  /** How old the key may be that a joiner gets, and so how far back it can decrypt; during a roll-out it may be older. */
  readonly joinerReachMs: number;
  /** The longest that a joiner waits for a key in use after it has been sent one. */
  readonly joinerWaitMs: number;
  /** New keys that we make in an hour, at most and on average. */
  readonly rotationsPerHour: number;
  /** Messages that we send in an hour, at most and on average. Every member sends as many. */
  readonly messagesPerHour: number;
}

const hourMs = 3_600_000;

/**
 * What a policy costs, and what it protects from, in a call with so many members that come and go at random.
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
  const { useDelayMs, graceMs, coalesceMs, periodMs, participantLimit } = resolveKeyOptions({
    rotation: policy,
  }).rotation;
  const { members, joinsPerHour, leavesPerHour } = traffic;
  const isLimited = members >= participantLimit;
  // One key is rolled out at a time, so a leave waits for what is under way, and is covered by the next.
  const gatherMs = Math.max(coalesceMs, useDelayMs);
  // Of leaves at random, the first one opens a window and the rest of the window is covered with it.
  const byLeaves =
    leavesPerHour > 0 ? hourMs / (hourMs / leavesPerHour + idleMs(leavesPerHour, coalesceMs, useDelayMs)) : 0;
  const byJoins = joinsPerHour > 0 ? hourMs / (hourMs / joinsPerHour + graceMs) : 0;
  const rotationsPerHour = isLimited ? 0 : byLeaves + byJoins + hourMs / periodMs;
  // Who joins in the middle of a roll-out gets two keys.
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

/** From the first leave after a rotation that may rotate until it does, on average. */
function idleMs(leavesPerHour: number, coalesceMs: number, useDelayMs: number): number {
  const heldMs = Math.max(0, useDelayMs - coalesceMs);
  const meanMs = hourMs / leavesPerHour;
  // E[max(X, held)] - E[X] for an exponential X, and the window on top.
  return coalesceMs + heldMs - meanMs * (1 - Math.exp(-heldMs / meanMs));
}
