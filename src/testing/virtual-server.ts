// VirtualServer: how the virtual homeserver handles the requests of clients. Client-server API, MSC4140, MSC4354; protocol.md 4.6.
import { asyncScheduler, defer, filter, type Observable, Subject, switchMap } from "rxjs";
import { RtcError } from "../errors.ts";
import { type Device, MatrixError, type OutgoingEvent, type ToDeviceMessage } from "../matrix.ts";
import { VirtualDelayedEvents } from "./virtual-delayed-events.ts";
import { VirtualDevice } from "./virtual-device.ts";
import { VirtualEphemeral } from "./virtual-ephemeral.ts";
import { Faults, type VirtualRequest } from "./faults.ts";
import { toJson, VirtualRooms } from "./virtual-rooms.ts";
import { overNetwork } from "./network.ts";

export interface VirtualServerOptions {
  readonly latencyMs: number;
  readonly syncMs: number;
  readonly delayedEvents: false | { readonly maxDelayMs?: number };
  readonly stickyEvents: boolean;
  readonly requestLimit: number;
}

export class VirtualServer {
  readonly options: VirtualServerOptions;
  readonly requests: VirtualRequest[] = [];
  readonly request$: Subject<VirtualRequest> = new Subject();
  readonly faults: Faults = new Faults();
  readonly killed$: Subject<string> = new Subject();
  readonly #devices = new Map<string, VirtualDevice>();
  readonly rooms: VirtualRooms = new VirtualRooms(() => this.#devices.values());
  readonly delayed: VirtualDelayedEvents = new VirtualDelayedEvents((userId, event) => this.#fire(userId, event));
  readonly ephemeral: VirtualEphemeral = new VirtualEphemeral((event) => this.rooms.tell(event));
  /** Event ids by transaction, so that a retried request has one effect. */
  readonly #transactions = new Map<string, string>();
  #isUp = true;

  constructor(options: VirtualServerOptions) {
    this.options = options;
  }

  /** Logs a device in, if it is not logged in yet. It knows the rooms of its user from the start. */
  logIn(userId: string, deviceId: string): VirtualDevice {
    const key = keyOf({ userId, deviceId });
    const known = this.#devices.get(key);
    if (known) return known;
    const device = new VirtualDevice(userId, deviceId, this.options.syncMs, () => this.#isUp);
    this.#devices.set(key, device);
    device.synced.ingest(this.rooms.joinedBy(userId));
    return device;
  }

  device(device: Device): VirtualDevice {
    const known = this.#devices.get(keyOf(device));
    if (!known)
      throw new RtcError("bad-argument", `${device.userId} has no device ${device.deviceId}: make its client`);
    return known;
  }

  isListed(device: Device): boolean {
    return this.#devices.get(keyOf(device))?.condition.listed ?? false;
  }

  isCrossSigned(device: Device): boolean {
    return this.isListed(device) && this.device(device).condition.crossSigned;
  }

  /** The device stops like a crashed page. */
  kill(device: Device): void {
    this.device(device).stop();
    this.killed$.next(keyOf(device));
  }

  /** Emits when a device is killed. */
  deathOf(device: Device): Observable<unknown> {
    return this.killed$.pipe(filter((key) => key === keyOf(device)));
  }

  stop(): void {
    this.#isUp = false;
    this.delayed.pause();
    for (const device of this.#devices.values()) device.sync();
  }

  start(): void {
    this.#isUp = true;
    this.delayed.resume();
    for (const device of this.#devices.values()) device.sync();
  }

  /** Makes a request of a device. `act` runs when the request reaches the server. */
  request<T>(from: VirtualDevice, request: Omit<VirtualRequest, "ts" | keyof Device>, act: () => T): Observable<T> {
    const { userId, deviceId } = from;
    const leave = () => {
      const sent: VirtualRequest = { ts: asyncScheduler.now(), userId, deviceId, ...request };
      this.requests.push(sent);
      this.request$.next(sent);
      if (this.requests.length === this.options.requestLimit) failIfVirtual(this.options.requestLimit);
      return overNetwork(from, this.options.latencyMs, this.faults.nextFor(sent), act);
    };
    return defer(() => from.awake$.pipe(switchMap(leave)));
  }

  /** Accepts an event from a device if its user may send it. */
  send(from: VirtualDevice, event: OutgoingEvent): string {
    const { userId: sender, deviceId } = from;
    const { roomId, type } = event;
    const room = this.rooms.get(roomId);
    const isEncrypted = event.stateKey === undefined && !event.isCleartext && room.isEncrypted;
    const rejection = room.rejectionOf(sender, isEncrypted ? "m.room.encrypted" : type, event.stateKey);
    if (rejection) throw rejection;
    if (event.stateKey !== undefined) return this.rooms.sendState(sender, event);
    if (event.stickyMs !== undefined && !this.options.stickyEvents)
      throw new MatrixError("unsupported", "no sticky events here");
    const transaction = JSON.stringify([sender, deviceId, roomId, event.txnId]);
    const known = this.#transactions.get(transaction);
    if (known !== undefined) return known;
    const eventId = this.#addToTimeline(sender, event, isEncrypted ? from : undefined);
    this.#transactions.set(transaction, eventId);
    return eventId;
  }

  /** Redacts an event for a device if its user may, once for each transaction. */
  redact(from: VirtualDevice, roomId: string, eventId: string, txnId: string, reason?: string): string {
    const { userId, deviceId } = from;
    const rejection = this.rooms.get(roomId).redactionRejectionOf(userId, eventId);
    if (rejection) throw rejection;
    const transaction = JSON.stringify([userId, deviceId, roomId, eventId, txnId]);
    const redactionId = this.#transactions.get(transaction) ?? this.rooms.redact(roomId, eventId, userId, reason);
    this.#transactions.set(transaction, redactionId);
    return redactionId;
  }

  schedule(userId: string, event: OutgoingEvent, delayMs: number): string {
    const { delayedEvents } = this.options;
    if (!delayedEvents) throw new MatrixError("unsupported", "no delayed events here");
    const { maxDelayMs = Infinity } = delayedEvents;
    if (delayMs > maxDelayMs) throw new MatrixError("max-delay-exceeded", "the delay is too long", { maxDelayMs });
    return this.delayed.schedule(userId, event, delayMs);
  }

  /** Hands a to-device message to a device. */
  deliver(to: Device, message: ToDeviceMessage): void {
    this.device(to).enqueue({ kind: "message", message: { ...message, content: toJson(message.content) } });
  }

  /** Sends a delayed event that is due, in cleartext. Like Synapse, checks the permission only now and drops a forbidden event. */
  #fire(sender: string, event: OutgoingEvent): void {
    const { roomId, type, stateKey } = event;
    if (this.rooms.get(roomId).rejectionOf(sender, type, stateKey)) return;
    if (stateKey !== undefined) this.rooms.sendState(sender, event);
    else this.#addToTimeline(sender, event);
  }

  /** Adds a timeline event, encrypted by a device or in cleartext. */
  #addToTimeline(sender: string, { roomId, type, content, stickyMs }: OutgoingEvent, by?: VirtualDevice): string {
    const draft = { type, content, sender };
    if (stickyMs !== undefined) {
      const encryption = by ? ({ encryption: "decrypted", senderDeviceId: by.deviceId } as const) : cleartext;
      return this.rooms.addSticky(roomId, draft, { durationMs: stickyMs, ...encryption });
    }
    return this.rooms.add(roomId, by ? { ...draft, proof: by.proof } : draft);
  }
}

/** A join that nobody ends restarts its delayed leave forever, and the virtual time of a `TestScheduler` goes on with it. */
function failIfVirtual(limit: number): void {
  const isVirtual = asyncScheduler.now() < firstRealTs;
  if (!isVirtual) return;
  const about = "a join is probably never ended: give it leaveOn, unsubscribe from it, or kill its device";
  asyncScheduler.schedule(() => {
    throw new RtcError("bad-argument", `${limit} requests in virtual time; ${about}. Or raise requestLimit`);
  });
}

/** Virtual time begins at 0. */
const firstRealTs = Date.UTC(2000, 0);

const cleartext = { encryption: "cleartext" } as const;

const keyOf = ({ userId, deviceId }: Device): string => JSON.stringify([userId, deviceId]);
