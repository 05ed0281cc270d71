// SdkClient: a real MatrixClient with real Rooms, without a network. Events enter as its own sync would deliver them.
import {
  ClientEvent,
  createClient,
  type IEvent,
  type MatrixClient,
  MatrixEvent,
  type Room,
  SyncState,
} from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { _createAndReEmitRoom } from "matrix-js-sdk/lib/sync.js";
import { myDeviceId, myUserId, type RawEvent } from "./call-events.ts";

/** Drops the log of the SDK at the lowest cost. */
const quietLogger = logger as typeof logger & { methodFactory: () => () => void; rebuild(): void };
quietLogger.methodFactory = () => () => {};
quietLogger.rebuild();

/** A sync response, ready to be applied. Parsing JSON is the work of the client and not measured. */
export type SdkBatch = ReadonlyMap<Room, readonly MatrixEvent[]>;

export class SdkClient {
  readonly client: MatrixClient = createClient({
    baseUrl: "https://matrix.invalid",
    userId: myUserId,
    deviceId: myDeviceId,
    accessToken: "none",
    logger,
  });
  #syncs = 0;

  room(roomId: string): Room {
    const known = this.client.getRoom(roomId);
    if (known) return known;
    const room = _createAndReEmitRoom(this.client, roomId, {});
    room.updateMyMembership("join");
    this.client.store.storeRoom(room);
    return room;
  }

  prepare(events: readonly RawEvent[]): SdkBatch {
    const made = events.map((raw) => new MatrixEvent({ ...raw } as Partial<IEvent>));
    return Map.groupBy(made, (event) => this.room(event.getRoomId() ?? ""));
  }

  /** Does what `SyncApi.processSyncResponse` does with state and sticky events. */
  apply(batch: SdkBatch): void {
    const { client } = this;
    client.store.setSyncToken(`sync-${++this.#syncs}`);
    for (const [room, events] of batch) {
      room.currentState.setStateEvents(events.filter((event) => event.isState()));
      room._unstable_addStickyEvents(events.filter((event) => !event.isState()));
      for (const event of events) client.emit(ClientEvent.Event, event);
    }
    client.emit(ClientEvent.Sync, SyncState.Syncing, SyncState.Syncing);
  }
}
