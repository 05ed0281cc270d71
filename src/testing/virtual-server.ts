// Server: what the virtual homeserver does with the requests of clients. Client-server API, MSC4140, MSC4354; protocol.md 4.6.
import { asyncScheduler, defer, type Observable, Subject, switchMap } from "rxjs";
import { RtcError } from "../errors.ts";
import { type Device, MatrixError, type OutgoingEvent, type ToDeviceMessage } from "../matrix.ts";
import { DelayedEvents } from "./virtual-delayed-events.ts";
import { VirtualDevice } from "./virtual-device.ts";
import { Faults, type VirtualRequest } from "./faults.ts";
import { onTheWire, Rooms } from "./virtual-rooms.ts";
import { overNetwork } from "./network.ts";

export interface ServerOptions {
  readonly latencyMs: number;
  readonly syncMs: number;
  readonly delayedEvents: false | { readonly maxDelayMs?: number };
  readonly stickyEvents: boolean;
}

export class Server {
  readonly options: ServerOptions;
  readonly requests: VirtualRequest[] = [];
  readonly request$: Subject<VirtualRequest> = new Subject();
  readonly faults: Faults = new Faults();
  readonly #devices = new Map<string, VirtualDevice>();
  readonly rooms: Rooms = new Rooms(() => this.#devices.values());
  readonly delayed: DelayedEvents = new DelayedEvents((userId, event) => this.#fire(userId, event));
  /** Event ids by transaction, so that a retry is taken once. */
  readonly #transactions = new Map<string, string>();
  #isUp = true;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  /** Logs a device in, unless it is: in sync with its rooms from the start. */
  logIn(userId: string, deviceId: string): VirtualDevice {
    const key = keyOf({ userId, deviceId });
    const known = this.#devices.get(key);
    if (known) return known;
    const device = new VirtualDevice(userId, deviceId, this.options.syncMs, () => this.#isUp);
    this.#devices.set(key, device);
    device.synced.take(this.rooms.joinedBy(userId));
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

  /** A request of a device, which `act`s once it has come here. */
  request<T>(from: VirtualDevice, request: Omit<VirtualRequest, "ts" | keyof Device>, act: () => T): Observable<T> {
    const { userId, deviceId } = from;
    const leave = () => {
      const sent: VirtualRequest = { ts: asyncScheduler.now(), userId, deviceId, ...request };
      this.requests.push(sent);
      this.request$.next(sent);
      return overNetwork(from, this.options.latencyMs, this.faults.take(sent), act);
    };
    return defer(() => from.awake$.pipe(switchMap(leave)));
  }

  /** Takes an event from a device, if its user may send it. */
  send(from: VirtualDevice, event: OutgoingEvent): string {
    const { userId: sender, deviceId } = from;
    const { roomId, type } = event;
    const room = this.rooms.get(roomId);
    const isEncrypted = event.stateKey === undefined && room.isEncrypted;
    const refusal = room.refusal(sender, isEncrypted ? "m.room.encrypted" : type, event.stateKey);
    if (refusal) throw refusal;
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

  schedule(userId: string, event: OutgoingEvent, delayMs: number): string {
    const { delayedEvents } = this.options;
    if (!delayedEvents) throw new MatrixError("unsupported", "no delayed events here");
    const { maxDelayMs = Infinity } = delayedEvents;
    if (delayMs > maxDelayMs) throw new MatrixError("max-delay-exceeded", "the delay is too long", { maxDelayMs });
    return this.delayed.schedule(userId, event, delayMs);
  }

  /** Hands a to-device message to a device. */
  deliver(to: Device, message: ToDeviceMessage): void {
    this.device(to).tell({ kind: "message", message: { ...message, content: onTheWire(message.content) } });
  }

  /** Sends a delayed event that is due, in the clear. Synapse checks the permission only now, and drops what is not allowed. */
  #fire(sender: string, event: OutgoingEvent): void {
    const { roomId, type, stateKey } = event;
    if (this.rooms.get(roomId).refusal(sender, type, stateKey)) return;
    if (stateKey !== undefined) this.rooms.sendState(sender, event);
    else this.#addToTimeline(sender, event);
  }

  /** Adds an event that is not state: encrypted by a device, or in the clear. */
  #addToTimeline(sender: string, { roomId, type, content, stickyMs }: OutgoingEvent, by?: VirtualDevice): string {
    const draft = { type, content, sender };
    if (stickyMs !== undefined) {
      const sealing = by ? ({ encryption: "decrypted", senderDeviceId: by.deviceId } as const) : inTheClear;
      return this.rooms.addSticky(roomId, draft, { durationMs: stickyMs, ...sealing });
    }
    return this.rooms.add(roomId, by ? { ...draft, proof: by.proof } : draft);
  }
}

const inTheClear = { encryption: "cleartext" } as const;

const keyOf = ({ userId, deviceId }: Device): string => JSON.stringify([userId, deviceId]);
