// Quality: how good a connection is, from two measurements of it. Pure.
import type { MediaQuality } from "./participant.ts";

/** Counts since the beginning, and the newest round trip. */
export interface QualityCounts {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly roundTripMs: number | undefined;
}

/**
 * By the loss between two measurements and the round trip: `lost` if nothing came at all.
 *
 * @param isSending Whether the other side sends anything: nothing comes of what is muted.
 */
export function qualityBetween(before: QualityCounts, after: QualityCounts, isSending: boolean): MediaQuality {
  const received = after.packetsReceived - before.packetsReceived;
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  // A connection that was made anew counts from 0 again.
  if (received < 0) return "unknown";
  if (received === 0) return isSending && after.packetsReceived > 0 ? "lost" : "unknown";
  const loss = lost / (received + lost);
  const roundTripMs = after.roundTripMs ?? 0;
  if (loss > 0.08 || roundTripMs > 600) return "poor";
  return loss > 0.02 || roundTripMs > 250 ? "good" : "excellent";
}
