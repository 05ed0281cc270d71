// Sticky events as a Room holds them, with what the SDK hides or breaks put right. protocol.md 3.1, 14.1.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import { isSticky } from "./event.ts";

const longestStickyMs = 3_600_000;

/** The room's sticky events, decrypted or not. Those that nobody has tried to decrypt are on their way to be. */
export function* heldSticky(client: MatrixClient, room: Room): Iterable<MatrixEvent> {
  for (const event of room._unstable_getStickyEvents()) {
    adopt(client, room, event);
    yield event;
  }
  // The store above hides what it has not decrypted. Nothing that came an hour ago is sticky any more.
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
 * The SDK (43.0) does not say of the sticky events of a gappy sync in which room they are, without which they cannot
 * be decrypted. Here that is known: the event is told, and tried once more. Whether it was such an event.
 */
export function adopt(client: MatrixClient, room: Room, event: MatrixEvent): boolean {
  if (!isOrphan(event)) return false;
  event.event.room_id = room.roomId;
  const crypto = client.getCrypto() as Decrypting | undefined;
  if (event.isDecryptionFailure() && crypto) void event.attemptDecryption(crypto, { isRetry: true }).catch(() => {});
  return true;
}

/** The orphans of all rooms, adopted. */
export function* adoptAll(client: MatrixClient): Iterable<MatrixEvent> {
  for (const room of client.getRooms()) {
    for (const event of room._unstable_getStickyEvents()) if (adopt(client, room, event)) yield event;
  }
}

export const isOrphan = (event: MatrixEvent): boolean => event.getRoomId() === undefined;

/** What a client encrypts with also decrypts, whatever its public type says. */
type Decrypting = Parameters<MatrixEvent["attemptDecryption"]>[0];
