// RtcStatistics: counts of messages with media keys, in the form of matrix-js-sdk.
import type { Statistics } from "./original-types.ts";

/** Counts that begin at 0. */
export const emptyStatistics = (): Statistics => {
  return {
    counters: { roomEventEncryptionKeysSent: 0, roomEventEncryptionKeysReceived: 0 },
    totals: { roomEventEncryptionKeysReceivedTotalAge: 0 },
  };
};
