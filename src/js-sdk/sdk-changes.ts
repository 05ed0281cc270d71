// SdkChanges: changes in a client's rooms, with five listeners for any number of rooms. protocol.md 3.2, guarantees 16, 20.
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  type Room,
  type RoomState,
  RoomStateEvent,
  SyncState,
} from "matrix-js-sdk";
import { Observable, share } from "rxjs";
import type { RoomChange } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { Batch } from "./batch.ts";
import type { MemberLoader } from "./member-loader.ts";
import { isRelevantState, redactableStateTypes } from "./relevant.ts";
import { isRedacted, isSticky } from "./sdk-event.ts";
import type { StickyEvents } from "./sticky-events.ts";

/** The SDK is asked when it is used: `matrixrtc-rx/compat` can be part of an import cycle with it. */
const isInterrupted = (state: SyncState | null): boolean =>
  state === SyncState.Error ||
  state === SyncState.Reconnecting ||
  state === SyncState.Catchup ||
  state === SyncState.Stopped;

/** One stream shared by all subscribers. The listeners are removed with the last subscriber. */
export function roomChangesOf(
  client: MatrixClient,
  sticky: StickyEvents,
  loader: MemberLoader,
): Observable<readonly RoomChange[]> {
  return new Observable<readonly RoomChange[]>((subscriber) => {
    const batch = new Batch(client, (changes) => subscriber.next(changes));
    const roomChanged = (roomId: string) => batch.add({ kind: "room", roomId });

    const onRoom = ({ roomId }: Room) => roomChanged(roomId);

    const onState = (event: MatrixEvent, state: RoomState) => {
      const type = event.getType();
      const { roomId } = state;
      // The state of a Room that is not stored yet is skipped: once it is stored, the whole room is a change.
      if (!isRelevantState(type) || client.getRoom(roomId)?.currentState !== state) return;
      const stateKey = event.getStateKey() ?? "";
      if (type === "m.room.member" && stateKey === client.getUserId()) roomChanged(roomId);
      else batch.add({ kind: "state", roomId, type, stateKey });
    };

    const onRedaction = (redaction: MatrixEvent) => {
      const roomId = redaction.getRoomId();
      const eventId = redaction.event.redacts ?? objectOr(redaction.event.content)["redacts"];
      if (roomId === undefined || !isString(eventId)) return;
      if (sticky.drop(roomId, eventId)) batch.add({ kind: "redaction", roomId, eventId });
      const room = client.getRoom(roomId);
      if (room) redactState(room, eventId, redaction);
    };

    const onEvent = (event: MatrixEvent) => {
      if (event.event.type === "m.room.redaction") onRedaction(event);
      else if (isSticky(event)) {
        sticky.ingest(event);
        void client.decryptEventIfNeeded(event).catch(() => {});
      }
    };

    const onDecrypted = (event: MatrixEvent) => sticky.ingest(event);

    const onSync = (state: SyncState, before: SyncState | null) => {
      const isResumed = !isInterrupted(state) && isInterrupted(before);
      if (isResumed) {
        loader.retry();
        sticky.retry();
      }
      sticky.adoptOrphans();
      batch.endOfSync(isResumed);
    };

    client.on(ClientEvent.Room, onRoom);
    client.on(RoomStateEvent.Events, onState);
    client.on(ClientEvent.Event, onEvent);
    client.on(MatrixEventEvent.Decrypted, onDecrypted);
    client.on(ClientEvent.Sync, onSync);
    sticky.open((roomId, event) => batch.add({ kind: "sticky", roomId, event }));
    loader.onLoaded = roomChanged;

    return () => {
      client.off(ClientEvent.Room, onRoom);
      client.off(RoomStateEvent.Events, onState);
      client.off(ClientEvent.Event, onEvent);
      client.off(MatrixEventEvent.Decrypted, onDecrypted);
      client.off(ClientEvent.Sync, onSync);
      sticky.close();
      loader.onLoaded = undefined;
    };
  }).pipe(share());
}

/** The client applies a redaction only to events of its timeline, not to state that came outside it. */
function redactState(room: Room, eventId: string, redaction: MatrixEvent): void {
  for (const type of redactableStateTypes) {
    const event = room.currentState.getStateEvents(type).find((candidate) => candidate.getId() === eventId);
    if (!event || isRedacted(event)) continue;
    event.makeRedacted(redaction, room);
    room.currentState.setStateEvents([event]);
  }
}
