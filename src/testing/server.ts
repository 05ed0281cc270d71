// Server: what the virtual homeserver does with the requests of clients. Client-server API, MSC4140, MSC4354; protocol.md 4.6.
import { asyncScheduler, defer, type Observable, Subject, switchMap } from "rxjs";
import { RtcError } from "../errors.ts";
import { type Device, MatrixError, type OutgoingEvent, type ToDeviceMessage } from "../matrix.ts";
import { DelayedEvents } from "./delayed-events.ts";
import { VirtualDevice } from "./device.ts";
import { Faults, type VirtualRequest } from "./faults.ts";
import { Room, type ServerEvent, type Stickiness } from "./room.ts";
import type { Change } from "./synced-rooms.ts";
import { travel } from "./travel.ts";

export interface ServerOptions {
  readonly latencyMs: number;
  readonly syncMs: number;
  readonly delayedEvents: false | { readonly maxDelayMs?: number };
  readonly stickyEvents: boolean;
}

/** An event before the server has taken it. */
export type EventDraft = Pick<ServerEvent, "type" | "sender" | "content"> &
  Partial<Pick<ServerEvent, "stateKey" | "sticky" | "eventId" | "originServerTs">>;

const maxStickyMs = 3_600_000;

export class Server {
  readonly options: ServerOptions;
  readonly request$: Subject<VirtualRequest> = new Subject();
  readonly event$: Subject<ServerEvent> = new Subject();
  readonly requests: VirtualRequest[] = [];
  readonly faults: Faults = new Faults();
  readonly delayed: DelayedEvents = new DelayedEvents((userId, event) => this.#fire(userId, event));
  readonly #rooms = new Map<string, Room>();
  readonly #devices = new Map<string, VirtualDevice>();
  /** Event ids by transaction, so that a retry is taken once. */
  readonly #transactions = new Map<string, string>();
  #eventCount = 0;
  #isUp = true;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  createRoom(): Room {
    const room = new Room(`!room${this.#rooms.size + 1}:virtual.example`);
    this.#rooms.set(room.roomId, room);
    return room;
  }

  room(roomId: string): Room {
    const room = this.#rooms.get(roomId);
    if (!room) throw new RtcError("unknown-room", `the virtual homeserver has no room ${roomId}`);
    return room;
  }

  /** Logs a device in, unless it is: in sync with its rooms from the start. */
  logIn(userId: string, deviceId: string): VirtualDevice {
    const known = this.#device({ userId, deviceId });
    if (known) return known;
    const device = new VirtualDevice(userId, deviceId, this.options.syncMs, () => this.#isUp);
    this.#devices.set(JSON.stringify([userId, deviceId]), device);
    const rooms = [...this.#rooms.values()].filter((room) => room.joined.has(userId));
    device.synced.take(rooms.map(wholeOf));
    return device;
  }

  device(device: Device): VirtualDevice {
    const known = this.#device(device);
    if (!known)
      throw new RtcError("bad-argument", `${device.userId} has no device ${device.deviceId}: make its client`);
    return known;
  }

  isListed(device: Device): boolean {
    return this.#device(device)?.condition.listed ?? false;
  }

  start(): void {
    this.#isUp = true;
    this.delayed.resume();
    for (const device of this.#devices.values()) device.sync();
  }

  stop(): void {
    this.#isUp = false;
    this.delayed.pause();
  }

  /** A request of a device, which `act`s once it is here. */
  request<T>(from: Device, request: Omit<VirtualRequest, "ts" | keyof Device>, act: () => T): Observable<T> {
    const device = this.device(from);
    const { userId, deviceId } = device;
    const leave = () => {
      const sent: VirtualRequest = { ts: asyncScheduler.now(), userId, deviceId, ...request };
      this.requests.push(sent);
      this.request$.next(sent);
      return travel(device, this.options.latencyMs, this.faults.take(sent), act);
    };
    return defer(() => device.awake$.pipe(switchMap(leave)));
  }

  /** Takes an event from a device, if its user may send it. */
  send(from: Device, event: OutgoingEvent): string {
    const room = this.room(event.roomId);
    const isEncrypted = event.stateKey === undefined && room.isEncrypted;
    const refusal = room.refusal(from.userId, isEncrypted ? "m.room.encrypted" : event.type, event.stateKey);
    if (refusal) throw refusal;
    if (event.stateKey !== undefined) return this.#sendState(from.userId, event);
    if (!this.options.stickyEvents) throw new MatrixError("unsupported", "no sticky events here");
    const transaction = JSON.stringify([from.userId, from.deviceId, event.roomId, event.txnId]);
    const known = this.#transactions.get(transaction);
    if (known !== undefined) return known;
    const eventId = this.addSticky(
      room,
      { ...event, sender: from.userId },
      {
        durationMs: event.stickyMs,
        ...(isEncrypted
          ? { encryption: "decrypted", senderDeviceId: from.deviceId, readers: room.joined }
          : { encryption: "cleartext" }),
      },
    );
    this.#transactions.set(transaction, eventId);
    return eventId;
  }

  schedule(userId: string, event: OutgoingEvent, delayMs: number): string {
    const { delayedEvents } = this.options;
    if (!delayedEvents) throw new MatrixError("unsupported", "no delayed events here");
    const { maxDelayMs = Infinity } = delayedEvents;
    if (delayMs > maxDelayMs) throw new MatrixError("max-delay-exceeded", "the delay is too long", { maxDelayMs });
    return this.delayed.schedule(userId, event, delayMs);
  }

  /** Adds an event, whether or not its sender may, and tells the devices of those in the room. */
  add(room: Room, draft: EventDraft): string {
    // Padded, so that of two events of one instant the later one also has the greater id.
    const eventId = `$${String((this.#eventCount += 1)).padStart(6, "0")}`;
    const content = jsonOf(draft.content);
    const event: ServerEvent = {
      eventId,
      originServerTs: asyncScheduler.now(),
      ...draft,
      roomId: room.roomId,
      content,
    };
    const before = room.joined;
    room.add(event);
    this.event$.next(event);
    for (const device of this.#devices.values()) {
      if (before.has(device.userId)) device.tell({ kind: "event", event });
      else if (room.joined.has(device.userId)) device.tell(wholeOf(room));
    }
    return event.eventId;
  }

  addSticky(room: Room, draft: EventDraft, sticky: Omit<Stickiness, "untilTs">): string {
    const { durationMs } = sticky;
    const forMs = typeof durationMs === "number" ? Math.min(durationMs, maxStickyMs) : maxStickyMs;
    return this.add(room, { ...draft, sticky: { ...sticky, untilTs: asyncScheduler.now() + forMs } });
  }

  redact(roomId: string, eventId: string): void {
    const room = this.room(roomId);
    const redacted = room.redact(eventId);
    for (const device of this.#devices.values())
      if (redacted && room.joined.has(device.userId)) device.tell({ kind: "redaction", redacted });
  }

  /** Hands a to-device message to a device. */
  deliver(to: Device, message: ToDeviceMessage): void {
    this.device(to).tell({ kind: "message", message: { ...message, content: jsonOf(message.content) } });
  }

  /** Sends a delayed event that is due. Synapse checks the permission only now, and drops what is not allowed. */
  #fire(sender: string, event: OutgoingEvent): void {
    const room = this.room(event.roomId);
    if (room.refusal(sender, event.type, event.stateKey)) return;
    if (event.stateKey !== undefined) this.#sendState(sender, event);
    else this.addSticky(room, { ...event, sender }, { durationMs: event.stickyMs, encryption: "cleartext" });
  }

  /** As with Synapse, the same content again is the same event. */
  #sendState(sender: string, { roomId, type, stateKey = "", content }: OutgoingEvent): string {
    const room = this.room(roomId);
    const current = room.stateEvent(type, stateKey);
    if (current?.sender === sender && JSON.stringify(current.content) === JSON.stringify(content))
      return current.eventId;
    return this.add(room, { type, sender, stateKey, content });
  }

  #device({ userId, deviceId }: Device): VirtualDevice | undefined {
    return this.#devices.get(JSON.stringify([userId, deviceId]));
  }
}

const wholeOf = (room: Room): Change => ({
  kind: "room",
  roomId: room.roomId,
  events: room.snapshot(asyncScheduler.now()),
});

/** What is left of a value once it has been on the wire: JSON, and a copy. */
const jsonOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
