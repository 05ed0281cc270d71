// The sticky map: when a sticky event ends, and which of two events with the same key takes precedence. MSC4354, protocol.md 3.1.
import type { StickyEvent } from "../matrix.ts";

/** The longest time that an event can be sticky. */
export const maxStickyMs = 3_600_000;

/** When a sticky event ends: at most `maxStickyMs` after its receipt. `-Infinity` if it is not sticky at all. */
export function stickyEndTs(event: StickyEvent): number {
  const durationMs = boundedMs(event.durationMs);
  if (durationMs === undefined) return -Infinity;
  const ttlMs = boundedMs(event.ttlMs);
  if (ttlMs !== undefined) return event.receivedTs + ttlMs;
  return Math.min(event.receivedTs, event.originServerTs) + durationMs;
}

/** Whether `a` replaces `b` at their common key: the later end by the clock of the server wins, then the greater event id. */
export function outranks(a: StickyEvent, b: StickyEvent): boolean {
  const difference = rankTs(a) - rankTs(b);
  return difference === 0 ? a.eventId > b.eventId : difference > 0;
}

/** Whether a copy of an event says more than the known one: it is decrypted now, or its device is known now. */
export function isMoreComplete(event: StickyEvent, known: StickyEvent): boolean {
  if (event.encryption === "undecryptable") return false;
  if (known.encryption === "undecryptable") return true;
  return known.senderDeviceId === undefined && event.senderDeviceId !== undefined;
}

const rankTs = (event: StickyEvent): number => event.originServerTs + (boundedMs(event.durationMs) ?? 0);

function boundedMs(value: unknown): number | undefined {
  if (!Number.isInteger(value) || (value as number) <= 0) return undefined;
  return Math.min(value as number, maxStickyMs);
}
