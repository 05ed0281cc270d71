// MemoryPort: the smallest possible Matrix client, so that measurements over it are our own work alone.
import { EMPTY, map, type Observable, of, Subject, timer } from "rxjs";
import type {
  Device,
  Matrix,
  RoomChange,
  OutgoingEvent,
  RoomEvent,
  StickyEvent,
  ToDeviceMessage,
  ToDeviceOutcome,
} from "matrixrtc-rx/port";
import { myDeviceId, myUserId, type RawEvent } from "./call-events.ts";

interface MemoryRoom {
  readonly state: Map<string, Map<string, RoomEvent>>;
  /** The newest event of each sender: here each user is in a call once. */
  readonly sticky: Map<string, StickyEvent>;
}

/** A sync response, ready to be applied. Parsing JSON is the work of the client and not measured. */
export type MemoryBatch = readonly { readonly change: RoomChange; readonly event: RoomEvent }[];

const nothing: readonly never[] = [];

export class MemoryPort implements Matrix {
  readonly userId = myUserId;
  readonly deviceId = myDeviceId;
  readonly changes$ = new Subject<readonly RoomChange[]>();
  readonly toDevice$ = new Subject<ToDeviceMessage>();
  /** Called for each outgoing to-device message. */
  onToDevice: (device: Device, type: string, content: object) => void = () => {};
  readonly #rooms = new Map<string, MemoryRoom>();

  prepare(events: readonly RawEvent[]): MemoryBatch {
    return events.map((raw) => {
      const event = fromRaw(raw);
      const { type, stateKey } = event;
      if ("durationMs" in event) return { event, change: { kind: "sticky", roomId: raw.room_id, event } };
      return { event, change: { kind: "state", roomId: raw.room_id, type, stateKey: stateKey ?? "" } };
    });
  }

  apply(batch: MemoryBatch): void {
    for (const { change, event } of batch) {
      const room = this.#room(change.roomId);
      if (change.kind === "sticky") room.sticky.set(event.sender, change.event);
      else stateOf(room, event.type).set(event.stateKey ?? "", event);
    }
    this.changes$.next(batch.map(({ change }) => change));
  }

  rooms = (): Iterable<string> => this.#rooms.keys();
  hasRoom = (roomId: string): boolean => this.#rooms.has(roomId);
  stateEvent = (roomId: string, type: string, stateKey: string): RoomEvent | undefined =>
    this.#rooms.get(roomId)?.state.get(type)?.get(stateKey);
  stateEvents = (roomId: string, type: string): Iterable<RoomEvent> =>
    this.#rooms.get(roomId)?.state.get(type)?.values() ?? nothing;
  stickyEvents = (roomId: string): Iterable<StickyEvent> => this.#rooms.get(roomId)?.sticky.values() ?? nothing;

  /** Our own event comes back like events of others. */
  send = ({ roomId, type, content, stateKey, stickyMs }: OutgoingEvent): Observable<string> =>
    timer(0).pipe(
      map(() => {
        const state = stateKey === undefined ? {} : { state_key: stateKey };
        const event_id = `$own-${crypto.randomUUID()}`;
        if (stateKey === undefined && stickyMs === undefined) return event_id;
        const raw = {
          type,
          sender: myUserId,
          event_id,
          room_id: roomId,
          origin_server_ts: Date.now(),
          ...state,
          content,
        };
        this.apply(this.prepare([raw]));
        return event_id;
      }),
    );
  schedule = (): Observable<string> => of("delay");
  updateDelayedEvent = (): Observable<never> => EMPTY;
  delayedEventLimits = (): Observable<false> => of(false);
  sendToDevice = (devices: readonly Device[], type: string, content: object): Observable<ToDeviceOutcome> => {
    for (const device of devices) this.onToDevice(device, type, content);
    return of(...devices.map((device): ToDeviceOutcome => ({ ...device, outcome: "sent" })));
  };

  #room(roomId: string): MemoryRoom {
    const known = this.#rooms.get(roomId);
    if (known) return known;
    const room: MemoryRoom = { state: new Map(), sticky: new Map() };
    this.#rooms.set(roomId, room);
    return room;
  }
}

function stateOf(room: MemoryRoom, type: string): Map<string, RoomEvent> {
  const known = room.state.get(type);
  if (known) return known;
  const events = new Map<string, RoomEvent>();
  room.state.set(type, events);
  return events;
}

function fromRaw(raw: RawEvent): RoomEvent | StickyEvent {
  const { type, sender, content, state_key: stateKey } = raw;
  const common = { type, sender, content, eventId: raw.event_id, originServerTs: raw.origin_server_ts };
  if (stateKey !== undefined) return { ...common, stateKey };
  return {
    ...common,
    encryption: "cleartext",
    durationMs: raw.msc4354_sticky?.duration_ms,
    ttlMs: raw.unsigned?.["msc4354_sticky_duration_ttl_ms"],
    receivedTs: Date.now(),
  };
}
