// SdkTimelineEvents: the timeline events of some types in all rooms of a client, with three listeners. Client-server API, syncing.
import { ClientEvent, type MatrixClient, type MatrixEvent, MatrixEventEvent, SyncState } from "matrix-js-sdk";
import { asyncScheduler, Observable } from "rxjs";
import type { TimelineArrival } from "../matrix.ts";
import { isFiniteNumber } from "../room/json.ts";
import { common, isRedacted, isSent, originalContent } from "./sdk-event.ts";

/** Older events are not decrypted for this. */
const recentMs = 600_000;
/** As far back as a room's timeline is searched. */
const mostPerRoom = 100;

export function timelineEventsOf(
  client: MatrixClient,
  types: readonly string[],
): Observable<readonly TimelineArrival[]> {
  return new Observable((subscriber) => {
    const wanted = new Set(types);
    const emitted = new WeakSet<MatrixEvent>();
    let response: MatrixEvent[] = [];
    let hasBegun = false;
    /** One batch after the other, however long each takes to decrypt. */
    let lastBatch: Promise<unknown> = Promise.resolve();

    const mayMatter = (event: MatrixEvent) =>
      isSent(event) &&
      event.event.state_key === undefined &&
      (event.isEncrypted() || wanted.has(event.getType())) &&
      (ageOf(event) ?? 0) <= recentMs;

    const emit = (events: readonly MatrixEvent[]) => {
      const batch = events.flatMap((event): TimelineArrival[] => {
        const roomId = event.getRoomId();
        if (roomId === undefined || emitted.has(event) || isRedacted(event) || !wanted.has(event.getType())) return [];
        emitted.add(event);
        return [arrivalOf(roomId, event)];
      });
      if (batch.length > 0) subscriber.next(batch);
    };
    const emitDecrypted = (events: readonly MatrixEvent[]) => {
      const decrypting = events.map((event) => client.decryptEventIfNeeded(event));
      lastBatch = Promise.allSettled([lastBatch, ...decrypting]).then(() => subscriber.closed || emit(events));
    };

    /** What the client knew before it was in sync counts only now: something may have ended it meanwhile. */
    const begin = () => {
      hasBegun = true;
      response = [];
      emitDecrypted(
        client.getRooms().flatMap((room) => room.getLiveTimeline().getEvents().slice(-mostPerRoom).filter(mayMatter)),
      );
    };
    const onEvent = (event: MatrixEvent) => {
      if (hasBegun && mayMatter(event)) response.push(event);
    };
    /** The client announces its state between responses. */
    const onSync = (state: SyncState) => {
      if (!hasBegun) {
        if (isInSync(state)) begin();
        return;
      }
      if (response.length === 0) return;
      const events = response;
      response = [];
      emitDecrypted(events);
    };
    const onDecrypted = (event: MatrixEvent) => {
      if (hasBegun && mayMatter(event) && !response.includes(event)) emitDecrypted([event]);
    };

    client.on(ClientEvent.Event, onEvent);
    client.on(ClientEvent.Sync, onSync);
    client.on(MatrixEventEvent.Decrypted, onDecrypted);
    if (isInSync(client.getSyncState())) begin();
    return () => {
      client.off(ClientEvent.Event, onEvent);
      client.off(ClientEvent.Sync, onSync);
      client.off(MatrixEventEvent.Decrypted, onDecrypted);
    };
  });
}

const isInSync = (state: SyncState | null): boolean => state === SyncState.Prepared || state === SyncState.Syncing;

/** By the server: its age when it came, and the time since then. */
function ageOf(event: MatrixEvent): number | undefined {
  // The SDK's own `getAge` returns undefined for an age of 0.
  return isFiniteNumber(event.getUnsigned().age) ? asyncScheduler.now() - event.localTimestamp : undefined;
}

function arrivalOf(roomId: string, event: MatrixEvent): TimelineArrival {
  return {
    roomId,
    ageMs: ageOf(event),
    event: {
      ...common(event),
      type: event.getType(),
      content: originalContent(event),
      encryption: event.isEncrypted() ? "decrypted" : "cleartext",
      unsigned: event.getUnsigned(),
    },
  };
}
