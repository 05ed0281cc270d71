// SdkStickyStore: what the SDK's own store (43.0) holds of a room's sticky events, and its two gaps. protocol.md 3.1, 14.1.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import { maxStickyMs } from "../membership/sticky-map.ts";
import { isSticky } from "./sdk-event.ts";

/** The events in the room's store: all that are decrypted, and some whose decryption failed. */
export function storedSticky(room: Room): Iterable<MatrixEvent> {
  return isStoreEmpty(room) ? [] : room._unstable_getStickyEvents();
}

/** Reading the store costs a microsecond for each of thousands of rooms. If its fields change one day, it is read always. */
export function isStoreEmpty(room: Room): boolean {
  const store: Partial<Record<"stickyEventsMap" | "unkeyedStickyEvents", { size: number }>> =
    room["stickyEvents"] ?? {};
  return store.stickyEventsMap?.size === 0 && store.unkeyedStickyEvents?.size === 0;
}

/** The sticky events at the end of the timeline, which the store may hide. Starts their decryption where that is due. */
export function* recentSticky(client: MatrixClient, room: Room): Iterable<MatrixEvent> {
  const timeline = room.getLiveTimeline().getEvents();
  const oldestTs = asyncScheduler.now() - maxStickyMs;
  for (let at = timeline.length - 1; at >= 0; at--) {
    const event = timeline[at];
    if (!event || event.localTimestamp < oldestTs) return;
    if (!isSticky(event)) continue;
    void client.decryptEventIfNeeded(event).catch(() => {});
    yield event;
  }
}

/**
 * The SDK sets no room id on the sticky events of a gappy sync, and cannot decrypt them without one. This sets the id of
 * the room in which the event was found, and tries the decryption once more. Returns whether the id was missing.
 */
export function adopt(client: MatrixClient, room: Room, event: MatrixEvent): boolean {
  if (!isOrphan(event)) return false;
  event.event.room_id = room.roomId;
  const crypto = client.getCrypto() as Decrypting | undefined;
  if (event.isDecryptionFailure() && crypto) void event.attemptDecryption(crypto, { isRetry: true }).catch(() => {});
  return true;
}

export const isOrphan = (event: MatrixEvent): boolean => event.getRoomId() === undefined;

/** The crypto object of a client can decrypt, although its public type does not say so. */
type Decrypting = Parameters<MatrixEvent["attemptDecryption"]>[0];
