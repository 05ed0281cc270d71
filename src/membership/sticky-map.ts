// Stickiness: until when a sticky event holds, which of two with the same key wins, and when the same one is news once
// more. MSC4354, protocol.md 3.1.
import type { StickyEvent } from "../matrix.ts";

/** The longest that an event may stick. */
export const longestStickyMs = 3_600_000;

/** When a sticky event ends, bounded by the longest stickiness from its receipt; `-Infinity` if it is not sticky at all. */
export function stickyEndTs(event: StickyEvent): number {
  const durationMs = boundedMs(event.durationMs);
  if (durationMs === undefined) return -Infinity;
  const ttlMs = boundedMs(event.ttlMs);
  if (ttlMs !== undefined) return event.receivedTs + ttlMs;
  return Math.min(event.receivedTs, event.originServerTs) + durationMs;
}

/** Whether `a` beats `b` for their common key: the later end by the sender's server wins, then the greater event id. */
export function outranks(a: StickyEvent, b: StickyEvent): boolean {
  const difference = rankTs(a) - rankTs(b);
  return difference === 0 ? a.eventId > b.eventId : difference > 0;
}

/** Whether more is known of an event than was before: it can be read now, or its device is known. */
export function saysMore(event: StickyEvent, known: StickyEvent): boolean {
  if (event.encryption === "undecryptable") return false;
  if (known.encryption === "undecryptable") return true;
  return known.senderDeviceId === undefined && event.senderDeviceId !== undefined;
}

const rankTs = (event: StickyEvent): number => event.originServerTs + (boundedMs(event.durationMs) ?? 0);

function boundedMs(value: unknown): number | undefined {
  if (!Number.isInteger(value) || (value as number) <= 0) return undefined;
  return Math.min(value as number, longestStickyMs);
}
