// Rotation: when our key has to change, and why. protocol.md 5.1.
import type { RotationPolicy } from "./options.ts";

/** Why a new key of ours is made. */
export type RotationReason =
  /** The first one of this join. */
  | "first"
  /** Somebody left who could decrypt with the one before. */
  | "leave"
  /** Somebody joined who shall not decrypt what came before. */
  | "join"
  /** It is `periodMs` old. */
  | "period";

/** What a rotation depends on. A time is absent where there is no cause. */
export interface RotationFacts {
  /** Members in the call, ourselves included. */
  readonly memberCount: number;
  /** When the newest key was made, if anybody else has use for it. */
  readonly createdTs: number | undefined;
  /** Since when somebody out of the call may hold the newest key. */
  readonly exposedSinceTs: number | undefined;
  /** Since when somebody in the call waits for a key, having come too late for the one in use. */
  readonly awaitedSinceTs: number | undefined;
  /** When the newest key is put to use, if it is not yet: one key is rolled out at a time. */
  readonly pendingUntilTs: number | undefined;
}

export interface Rotation {
  readonly reason: RotationReason;
  readonly dueTs: number;
}

/** The next rotation, by what is known now. */
export function nextRotation(policy: RotationPolicy, facts: RotationFacts): Rotation | undefined {
  const { memberCount, createdTs, exposedSinceTs, awaitedSinceTs, pendingUntilTs = -Infinity } = facts;
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
