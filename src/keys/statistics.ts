// KeyStatistics: counts of key messages. protocol.md 5.6.
import type { KeyRejection } from "./trace.ts";

/** Counts of key messages since the session was made. */
export interface KeyStatistics {
  /** New keys of ours, including the first one of each join. */
  readonly keysCreated: number;
  /** Sends of a key, each to one device or to many (`roomEventEncryptionKeysSent` of matrix-js-sdk). */
  readonly sends: number;
  /** Devices that a send reached. A device counts once for each send. */
  readonly delivered: number;
  /** Devices that a send did not reach. */
  readonly notDelivered: number;
  /** Valid messages with a key of another device (`roomEventEncryptionKeysReceived`). */
  readonly received: number;
  /** The sum of the ages of accepted keys, by their senders' clocks (`roomEventEncryptionKeysReceivedTotalAge`). */
  readonly receivedTotalAgeMs: number;
  /** Messages that were rejected as invalid or not proven. */
  readonly rejected: number;
  /** Requests for a missing key, one for each member and try. */
  readonly requested: number;
}

/** Before the first message. */
export const noKeys: KeyStatistics = {
  keysCreated: 0,
  sends: 0,
  delivered: 0,
  notDelivered: 0,
  received: 0,
  receivedTotalAgeMs: 0,
  rejected: 0,
  requested: 0,
};

/** What to add to the counts. */
export type KeyCounts = Partial<KeyStatistics>;

export function sumOf(statistics: KeyStatistics, counts: KeyCounts): KeyStatistics {
  const sum: Record<keyof KeyStatistics, number> = { ...statistics };
  for (const name of Object.keys(counts) as (keyof KeyStatistics)[]) sum[name] += counts[name] ?? 0;
  return sum;
}

/** Valid messages whose key is of no use any more, or not yet. */
const valid: ReadonlySet<KeyRejection> = new Set([
  "outdated",
  "known",
  "unknown-slot",
  "never-a-member",
  "too-many-early",
]);

/** How a rejected message counts. One from an earlier call counts as nothing. */
export function countsOf(reason: KeyRejection): KeyCounts {
  if (reason === "stale") return {};
  return valid.has(reason) ? { received: 1 } : { rejected: 1 };
}
