// Quality: how good a connection is, from two measurements of it. Pure.
import type { MediaQuality } from "./participant.ts";

/** Counts since the beginning, and the newest round trip. */
export interface QualityCounts {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly roundTripMs: number | undefined;
}

/**
 * The quality by the loss between two measurements, and by the round trip. `lost` means that no packet came.
 *
 * @param isSending Whether the other side sends anything. Muted tracks send no packets.
 */
export function qualityBetween(before: QualityCounts, after: QualityCounts, isSending: boolean): MediaQuality {
  const received = after.packetsReceived - before.packetsReceived;
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  // The counts of a new connection begin at 0.
  if (received < 0) return "unknown";
  if (received === 0) return isSending && after.packetsReceived > 0 ? "lost" : "unknown";
  const loss = lost / (received + lost);
  const roundTripMs = after.roundTripMs ?? 0;
  if (loss > 0.08 || roundTripMs > 600) return "poor";
  return loss > 0.02 || roundTripMs > 250 ? "good" : "excellent";
}
