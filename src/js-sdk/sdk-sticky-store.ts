// The sticky events that a Room of the SDK (43.0) holds, and what it hides or breaks of them. protocol.md 3.1, 14.1.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import { longestStickyMs } from "../membership/stickiness.ts";
import { isSticky } from "./sdk-event.ts";

/** What the room's store gives out: the events that are decrypted, and some that could not be. */
export function storedSticky(room: Room): Iterable<MatrixEvent> {
  return isStoreEmpty(room) ? [] : room._unstable_getStickyEvents();
}

/** Asking the store takes a microsecond, in each of thousands of rooms. If it looks otherwise one day, it is asked. */
export function isStoreEmpty(room: Room): boolean {
  const store: Partial<Record<"stickyEventsMap" | "unkeyedStickyEvents", { size: number }>> =
    room["stickyEvents"] ?? {};
  return store.stickyEventsMap?.size === 0 && store.unkeyedStickyEvents?.size === 0;
}

/** The sticky events at the end of the time line, which has what the store hides. What nobody tried to decrypt, is. */
export function* recentSticky(client: MatrixClient, room: Room): Iterable<MatrixEvent> {
  const timeline = room.getLiveTimeline().getEvents();
  const oldestTs = asyncScheduler.now() - longestStickyMs;
  for (let at = timeline.length - 1; at >= 0; at--) {
    const event = timeline[at];
    if (!event || event.localTimestamp < oldestTs) return;
    if (!isSticky(event)) continue;
    void client.decryptEventIfNeeded(event).catch(() => {});
    yield event;
  }
}

/**
 * Of the sticky events of a gappy sync the SDK does not say in which room they are, without which they cannot be
 * decrypted. Whoever found such an orphan in a room tells it, and it is tried once more. Whether it was one.
 */
export function adopt(client: MatrixClient, room: Room, event: MatrixEvent): boolean {
  if (!isOrphan(event)) return false;
  event.event.room_id = room.roomId;
  const crypto = client.getCrypto() as Decrypting | undefined;
  if (event.isDecryptionFailure() && crypto) void event.attemptDecryption(crypto, { isRetry: true }).catch(() => {});
  return true;
}

export const isOrphan = (event: MatrixEvent): boolean => event.getRoomId() === undefined;

/** What a client encrypts with also decrypts, whatever its public type says. */
type Decrypting = Parameters<MatrixEvent["attemptDecryption"]>[0];
