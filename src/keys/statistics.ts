// KeyStatistics: what became of key messages, counted. A fold of the trace. protocol.md 5.6.
import type { TraceEntry } from "../trace.ts";
import type { KeyRejection } from "./trace.ts";

/** Counts since the session was made. */
export interface KeyStatistics {
  /** New keys of ours, the first one of each join included. */
  readonly keysMade: number;
  /** Sendings of a key, each to one device or to many (`roomEventEncryptionKeysSent` of matrix-js-sdk). */
  readonly sendings: number;
  /** Devices that a sending had reached, and had not reached, once its outcome was known. */
  readonly delivered: number;
  readonly notDelivered: number;
  /** Valid messages with a key of somebody else (`roomEventEncryptionKeysReceived`). */
  readonly received: number;
  /** How old they were together when they came, by their senders' clocks (`…ReceivedTotalAge`). */
  readonly receivedTotalAgeMs: number;
  /** Messages that were not believed. */
  readonly refused: number;
  /** Members that we asked for a key that was missing. */
  readonly asked: number;
}

export const noStatistics: KeyStatistics = {
  keysMade: 0,
  sendings: 0,
  delivered: 0,
  notDelivered: 0,
  received: 0,
  receivedTotalAgeMs: 0,
  refused: 0,
  asked: 0,
};

/** Valid, but of no use any more or not yet of any: these were received. */
const valid: ReadonlySet<KeyRejection> = new Set([
  "outdated",
  "known",
  "unknown-slot",
  "never-a-member",
  "too-many-early",
]);

export function countKeys(statistics: KeyStatistics, entry: TraceEntry): KeyStatistics {
  const { received, receivedTotalAgeMs } = statistics;
  switch (entry.kind) {
    case "key-created":
      return { ...statistics, keysMade: statistics.keysMade + 1 };
    case "key-sent":
      return { ...statistics, sendings: statistics.sendings + 1 };
    case "key-delivered":
      return { ...statistics, delivered: statistics.delivered + 1 };
    case "key-not-delivered":
      return { ...statistics, notDelivered: statistics.notDelivered + 1 };
    case "key-asked-for":
      return { ...statistics, asked: statistics.asked + 1 };
    case "key-received":
      return { ...statistics, received: received + 1, receivedTotalAgeMs: receivedTotalAgeMs + entry.ageMs };
    case "key-rejected":
      return valid.has(entry.reason)
        ? { ...statistics, received: received + 1 }
        : entry.reason === "stale"
          ? statistics
          : { ...statistics, refused: statistics.refused + 1 };
    default:
      return statistics;
  }
}
