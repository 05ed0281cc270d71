// Server: rooms, delayed events and to-device messages, and the way of requests and sync responses to and from clients.
import {
  asyncScheduler,
  delay,
  mergeMap,
  NEVER,
  type Observable,
  of,
  ReplaySubject,
  throwError,
  timer,
  defer,
} from "rxjs";
import { type Device, MatrixError, type OutgoingEvent, type ToDeviceMessage } from "../matrix.ts";
import { DelayedEvents } from "./delayed-events.ts";
import { type Fault, Faults, type VirtualRequest } from "./faults.ts";
import { Room, type ServerEvent, type Stickiness } from "./room.ts";
import { type Change, SyncedRooms } from "./synced-rooms.ts";

/** How a device is doing. */
export interface Condition {
  /** `offline`: requests fail, no syncs. `frozen`: a stopped page; requests never leave, and thawing shows as an empty batch. */
  readonly connection: "online" | "offline" | "frozen";
  /** `held`: the server keeps its to-device messages back until `delivered`. */
  readonly toDevice: "delivered" | "held";
  /** Whether others know that it exists. If not, sending to it is `unknown-device`. */
  readonly listed: boolean;
  readonly crossSigned: boolean;
}

/** A device that the server knows: its condition, and what it has not been told yet. */
interface KnownDevice extends Device {
  condition: Condition;
  readonly synced: SyncedRooms;
  waiting: Change[];
  held: Change[];
  isSyncing: boolean;
}

export interface ServerOptions {
  readonly latencyMs: number;
  readonly syncMs: number;
  readonly delayedEvents: false | { readonly maxDelayMs?: number };
  readonly stickyEvents: boolean;
}

const asNew: Condition = { connection: "online", toDevice: "delivered", listed: true, crossSigned: true };

const maxStickyMs = 3_600_000;

export class Server {
  readonly options: ServerOptions;
  readonly rooms: Map<string, Room> = new Map();
  readonly requests: VirtualRequest[] = [];
  readonly faults: Faults = new Faults();
  readonly delayed: DelayedEvents = new DelayedEvents((userId, event) => this.#fire(userId, event));
  readonly #devices = new Map<string, KnownDevice>();
  readonly #transactions = new Map<string, string>();
  #events = 0;
  #isUp = true;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  // Devices and their syncs.

  /** The device, in sync from the start. */
  device(userId: string, deviceId: string): KnownDevice {
    const key = JSON.stringify([userId, deviceId]);
    const known = this.#devices.get(key);
    if (known) return known;
    const device: KnownDevice = {
      userId,
      deviceId,
      condition: asNew,
      synced: new SyncedRooms(userId),
      waiting: [],
      held: [],
      isSyncing: false,
    };
    this.#devices.set(key, device);
    const rooms = [...this.rooms.values()].filter((room) => room.membershipOf(userId) === "join");
    device.synced.take(rooms.map((room) => this.#wholeRoom(room)));
    return device;
  }

  adjust({ userId, deviceId }: Device, change: Partial<Condition>): void {
    const device = this.device(userId, deviceId);
    const before = device.condition;
    device.condition = { ...before, ...change };
    if (before.connection === "frozen" && device.condition.connection !== "frozen") device.synced.take([]);
    if (device.condition.toDevice === "delivered") this.#tell(device, ...device.held.splice(0));
    this.#sync(device);
  }

  stop(): void {
    this.#isUp = false;
    this.delayed.pause();
  }

  start(): void {
    this.#isUp = true;
    this.delayed.resume();
    for (const device of this.#devices.values()) this.#sync(device);
  }

  deliver(to: Device, message: ToDeviceMessage): void {
    const device = this.device(to.userId, to.deviceId);
    const change: Change = { kind: "message", message };
    if (device.condition.toDevice === "held") device.held.push(change);
    else this.#tell(device, change);
  }

  isListed({ userId, deviceId }: Device): boolean {
    return this.#devices.get(JSON.stringify([userId, deviceId]))?.condition.listed ?? false;
  }

  #tell(device: KnownDevice, ...changes: Change[]): void {
    device.waiting.push(...changes);
    this.#sync(device);
  }

  #sync(device: KnownDevice): void {
    if (device.isSyncing || device.waiting.length === 0 || !this.#reaches(device)) return;
    device.isSyncing = true;
    timer(this.options.syncMs).subscribe(() => {
      device.isSyncing = false;
      if (this.#reaches(device)) device.synced.take(device.waiting.splice(0));
    });
  }

  #reaches(device: KnownDevice): boolean {
    return this.#isUp && device.condition.connection === "online";
  }

  // Requests.

  /** A request on its way to the server, `act`ed on there, and its answer on the way back. Once sent it cannot be recalled. */
  request<T>(request: Omit<VirtualRequest, "ts">, act: () => T): Observable<T> {
    return defer(() => {
      const device = this.device(request.userId, request.deviceId);
      const sent: VirtualRequest = { ...request, ts: asyncScheduler.now() };
      this.requests.push(sent);
      const fault = this.faults.take(sent);
      if (device.condition.connection === "frozen") return NEVER;
      const { latencyMs } = this.options;
      const answer$ = new ReplaySubject<T>(1);
      timer(latencyMs)
        .pipe(
          mergeMap(() => of(this.#reaches(device) ? answerTo(fault, act) : noAnswer)),
          delay(latencyMs + (fault.lateMs ?? 0)),
          mergeMap((answer) => (this.#reaches(device) ? answer : noAnswer)),
          mergeMap((answer) => (device.condition.connection === "frozen" ? NEVER : of(answer))),
        )
        .subscribe(answer$);
      return answer$;
    });
  }

  /** Takes an event from a client, as its power allows. */
  send(from: Device, event: OutgoingEvent): string {
    const room = this.#room(event.roomId);
    const isEncrypted = event.stateKey === undefined && room.isEncrypted;
    const refusal = room.refusal(from.userId, isEncrypted ? "m.room.encrypted" : event.type, event.stateKey);
    if (refusal) throw refusal;
    if (event.stateKey !== undefined)
      return this.#sendState(from.userId, room, event.type, event.stateKey, event.content);
    if (!this.options.stickyEvents) throw new MatrixError("unsupported", "no sticky events here");
    const transaction = JSON.stringify([from.userId, from.deviceId, event.roomId, event.txnId]);
    const known = this.#transactions.get(transaction);
    if (known !== undefined) return known;
    const secret = { encryption: "decrypted", senderDeviceId: from.deviceId, readers: room.joinedUsers() } as const;
    const eventId = this.addSticky(room, from.userId, event.type, event.content, {
      durationMs: event.stickyMs,
      ...(isEncrypted ? secret : { encryption: "cleartext" }),
    });
    this.#transactions.set(transaction, eventId);
    return eventId;
  }

  addSticky(
    room: Room,
    sender: string,
    type: string,
    content: unknown,
    sticky: Omit<Stickiness, "untilTs">,
    details: Partial<Pick<ServerEvent, "eventId" | "originServerTs">> = {},
  ): string {
    const { durationMs } = sticky;
    const capMs = typeof durationMs === "number" ? Math.min(durationMs, maxStickyMs) : maxStickyMs;
    const untilTs = asyncScheduler.now() + capMs;
    return this.add(room, { type, sender, content, sticky: { ...sticky, untilTs }, ...details });
  }

  /** Adds an event without asking whether its sender may. */
  add(room: Room, draft: Omit<ServerEvent, "roomId" | "eventId" | "originServerTs"> & Partial<ServerEvent>): string {
    // Padded, so that of two events of one instant the later one also has the greater id.
    const eventId = `$${String((this.#events += 1)).padStart(6, "0")}`;
    const { roomId } = room;
    const event: ServerEvent = {
      eventId,
      originServerTs: asyncScheduler.now(),
      ...draft,
      roomId,
      content: copy(draft.content),
    };
    const before = room.joinedUsers();
    room.add(event);
    const joined = event.type === "m.room.member" ? room.joinedUsers() : before;
    for (const device of this.#devices.values()) {
      if (before.has(device.userId)) this.#tell(device, { kind: "event", event });
      else if (joined.has(device.userId)) this.#tell(device, this.#wholeRoom(room));
    }
    return event.eventId;
  }

  redact(roomId: string, eventId: string): void {
    const room = this.#room(roomId);
    const redacted = room.redact(eventId);
    if (!redacted) return;
    const joined = room.joinedUsers();
    for (const device of this.#devices.values())
      if (joined.has(device.userId)) this.#tell(device, { kind: "redaction", redacted });
  }

  schedule(userId: string, event: OutgoingEvent, delayMs: number): string {
    const { delayedEvents } = this.options;
    if (!delayedEvents) throw new MatrixError("unsupported", "no delayed events here");
    const { maxDelayMs = Infinity } = delayedEvents;
    if (delayMs > maxDelayMs) throw new MatrixError("max-delay-exceeded", "the delay is too long", { maxDelayMs });
    return this.delayed.schedule(userId, event, delayMs);
  }

  /** Synapse checks the permission only now, and drops what is not allowed. */
  #fire(userId: string, event: OutgoingEvent): void {
    const room = this.#room(event.roomId);
    if (room.refusal(userId, event.type, event.stateKey)) return;
    if (event.stateKey !== undefined) this.#sendState(userId, room, event.type, event.stateKey, event.content);
    else
      this.addSticky(room, userId, event.type, event.content, { durationMs: event.stickyMs, encryption: "cleartext" });
  }

  /** As Synapse does, the same content again is the same event. */
  #sendState(sender: string, room: Room, type: string, stateKey: string, content: unknown): string {
    const current = room.stateEvent(type, stateKey);
    if (current?.sender === sender && JSON.stringify(current.content) === JSON.stringify(content))
      return current.eventId;
    return this.add(room, { type, sender, stateKey, content });
  }

  #room(roomId: string): Room {
    const room = this.rooms.get(roomId);
    if (!room) throw new MatrixError("not-found", "no such room");
    return room;
  }

  #wholeRoom(room: Room): Change {
    return { kind: "room", roomId: room.roomId, events: room.snapshot(asyncScheduler.now()) };
  }
}

/** JSON in, JSON out: nothing is shared between a client and the server. */
export const copy = <T>(content: T): T => JSON.parse(JSON.stringify(content ?? null)) as T;

const noAnswer: Observable<never> = throwError(() => new MatrixError("network", "the server does not answer"));

function answerTo<T>({ lose, fail }: Fault, act: () => T): Observable<T> {
  const told$ = fail ? throwError(() => fail) : NEVER;
  if (lose === "request" || (fail && !lose)) return told$;
  try {
    const answer = act();
    return lose ? told$ : of(answer);
  } catch (error) {
    return throwError(() => error);
  }
}
