// SdkTimeline: the timelines of a client's rooms, decrypted, in the order of the server. Client-server API, syncing.
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  type Room,
  RoomEvent as SdkRoomEvent,
} from "matrix-js-sdk";
import { Observable, share } from "rxjs";
import type { Matrix, TimelineChange, TimelineEvent } from "../matrix.ts";
import { common, isRedacted, isSent, isSticky, originalContent } from "./sdk-event.ts";

/** An event that was read before, and what it was read from. */
interface Read {
  readonly event: TimelineEvent;
  readonly source: unknown;
}

/** The rooms whose timelines were read since somebody subscribed. Only their events are decrypted. */
type RoomsInUse = Set<string>;

type Timelines = Required<Pick<Matrix, "timeline" | "timeline$">>;

export function timelinesOf(client: MatrixClient): Timelines {
  const inUse: RoomsInUse = new Set();
  const read = new WeakMap<MatrixEvent, Read>();
  let isListening = false;
  const timeline$ = new Observable<readonly TimelineChange[]>((subscriber) => {
    isListening = true;
    const stop = listen(client, inUse, read, (batch) => subscriber.next(batch));
    return () => {
      isListening = false;
      inUse.clear();
      stop();
    };
  }).pipe(share());
  return {
    timeline: (roomId) => {
      if (isListening) {
        inUse.add(roomId);
        void decryptTimeline(client, roomId);
      }
      return eventsIn(client, roomId).flatMap((event) => timelineEvent(event, read) ?? []);
    },
    timeline$,
  };
}

/** Emits each sync response as one batch, once everything in it was decrypted or could not be. */
function listen(
  client: MatrixClient,
  inUse: RoomsInUse,
  read: WeakMap<MatrixEvent, Read>,
  emit: (batch: readonly TimelineChange[]) => void,
): () => void {
  let response: (MatrixEvent | { readonly gapIn: string })[] = [];
  /** One batch after the other, however long each takes. */
  let emitted: Promise<unknown> = Promise.resolve();
  let isStopped = false;

  const changeOf = (each: MatrixEvent | { readonly gapIn: string }): TimelineChange[] => {
    if ("gapIn" in each) return [{ kind: "gap", roomId: each.gapIn }];
    const [roomId, event] = [each.getRoomId(), timelineEvent(each, read)];
    return roomId === undefined || !event ? [] : [{ kind: "event", roomId, event }];
  };
  const emitAfter = (ready: Promise<unknown>, changes: () => readonly TimelineChange[]) => {
    emitted = Promise.allSettled([emitted, ready]).then(() => {
      const batch = isStopped ? [] : changes();
      if (batch.length > 0) emit(batch);
    });
  };

  const onEvent = (event: MatrixEvent) => {
    if (isTimelineEvent(event) && inUse.has(event.getRoomId() ?? "")) response.push(event);
  };
  const onGap = (room: Room | undefined) => {
    if (room && inUse.has(room.roomId)) response.push({ gapIn: room.roomId });
  };
  /** The client announces its state between responses. */
  const onSync = () => {
    if (response.length === 0) return;
    const batch = response;
    response = [];
    const decrypted = batch.map((each) =>
      "gapIn" in each ? decryptTimeline(client, each.gapIn) : client.decryptEventIfNeeded(each),
    );
    emitAfter(Promise.allSettled(decrypted), () => batch.flatMap(changeOf));
  };
  /** An event that was decrypted after its batch is emitted once more. */
  const onDecrypted = (event: MatrixEvent) => {
    if (!isTimelineEvent(event) || !inUse.has(event.getRoomId() ?? "") || response.includes(event)) return;
    emitAfter(Promise.resolve(), () => {
      const before = read.get(event)?.event;
      const changes = changeOf(event);
      return before === read.get(event)?.event ? [] : changes;
    });
  };

  client.on(ClientEvent.Event, onEvent);
  client.on(ClientEvent.Room, onGap);
  client.on(SdkRoomEvent.TimelineReset, onGap);
  client.on(MatrixEventEvent.Decrypted, onDecrypted);
  client.on(ClientEvent.Sync, onSync);
  return () => {
    isStopped = true;
    client.off(ClientEvent.Event, onEvent);
    client.off(ClientEvent.Room, onGap);
    client.off(SdkRoomEvent.TimelineReset, onGap);
    client.off(MatrixEventEvent.Decrypted, onDecrypted);
    client.off(ClientEvent.Sync, onSync);
  };
}

const eventsIn = (client: MatrixClient, roomId: string): readonly MatrixEvent[] =>
  client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];

const decryptTimeline = (client: MatrixClient, roomId: string): Promise<unknown> =>
  Promise.allSettled(eventsIn(client, roomId).map((event) => client.decryptEventIfNeeded(event)));

/** State is read elsewhere. An event that the server has not accepted yet is not in the timeline yet. */
const isTimelineEvent = (event: MatrixEvent): boolean => isSent(event) && event.event.state_key === undefined;

/** Reads an event: the same object until it is decrypted or redacted. */
function timelineEvent(event: MatrixEvent, read: WeakMap<MatrixEvent, Read>): TimelineEvent | undefined {
  if (!isTimelineEvent(event)) return undefined;
  const isGone = isRedacted(event);
  const isReadable = !event.isEncrypted() || event.getClearContent() !== null;
  const isUndecryptable = !isReadable || event.isDecryptionFailure();
  // Memberships and the like are read as sticky events, also where they cannot be decrypted.
  if (isUndecryptable && !isGone && isSticky(event)) return undefined;
  const source = isGone ? "redacted" : isUndecryptable ? "undecryptable" : originalContent(event);
  const known = read.get(event);
  if (known && known.source === source) return known.event;
  const { redacts } = event.event;
  const made: TimelineEvent = {
    ...common(event),
    type: isUndecryptable ? event.getWireType() : event.getType(),
    content: isGone ? {} : isUndecryptable ? event.getWireContent() : originalContent(event),
    encryption: !event.isEncrypted() ? "cleartext" : isUndecryptable ? "undecryptable" : "decrypted",
    ...(redacts !== undefined && { redacts }),
    // The SDK changes its own when the event is redacted.
    unsigned: { ...event.getUnsigned() },
  };
  read.set(event, { event: made, source });
  return made;
}
