// VirtualServer: how the virtual homeserver handles the requests of clients. Client-server API, MSC4140, MSC4354; protocol.md 4.6.
import { asyncScheduler, type Observable, Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import { type Device, MatrixError, type OutgoingEvent, type ToDeviceMessage } from "../matrix.ts";
import { setNewest } from "../rx/stable.ts";
import { DeviceRecord } from "./device-record.ts";
import {
  type Fault,
  Faults,
  type Lateness,
  type MessageFault,
  type MessageOnItsWay,
  type SyncFault,
  type VirtualRequest,
} from "./faults.ts";
import { overNetwork } from "./network.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { type RateLimit, RateLimits } from "./rate-limits.ts";
import { RequestLog } from "./request-log.ts";
import { Agenda } from "./time/agenda.ts";
import { installPlaces, outside } from "./time/place.ts";
import { type DelayedEventLimits, VirtualDelayedEvents } from "./virtual-delayed-events.ts";
import { VirtualEphemeral } from "./virtual-ephemeral.ts";
import { toJson, VirtualRooms } from "./virtual-rooms.ts";

export interface VirtualServerOptions {
  readonly latencyMs: Lateness;
  readonly syncMs: Lateness;
  readonly delayedEvents: false | DelayedEventLimits;
  readonly stickyEvents: boolean;
  readonly rateLimit?: false | RateLimit;
  readonly clockAheadMs?: number;
  readonly requestLimit: number;
  readonly logLimit?: number;
}

export class VirtualServer {
  options: VirtualServerOptions;
  readonly agenda: Agenda = new Agenda();
  readonly random: RandomNumbers;
  readonly log: RequestLog;
  readonly request$: Subject<VirtualRequest> = new Subject();
  readonly faults: Faults<VirtualRequest, Fault>;
  readonly syncFaults: Faults<Device, SyncFault>;
  readonly messageFaults: Faults<MessageOnItsWay, MessageFault>;
  readonly rooms: VirtualRooms;
  readonly delayed: VirtualDelayedEvents;
  readonly ephemeral: VirtualEphemeral;
  readonly #devices = new Map<string, DeviceRecord>();
  readonly #rateLimits = new RateLimits();
  /** Event ids by transaction, so that a retried request has one effect. */
  readonly #transactions = new Map<string, string>();
  #isUp = true;

  constructor(options: VirtualServerOptions, seed = 1) {
    const { logLimit = 10_000 } = options;
    installPlaces();
    this.options = options;
    this.random = new RandomNumbers(seed);
    this.log = new RequestLog(logLimit);
    const sharedNow = () => this.agenda.now();
    this.faults = new Faults(this.random, sharedNow);
    this.syncFaults = new Faults(this.random, sharedNow);
    this.messageFaults = new Faults(this.random, sharedNow);
    this.rooms = new VirtualRooms(() => this.#devices.values(), { now: () => this.now(), logLimit });
    this.delayed = new VirtualDelayedEvents(this.agenda, (userId, event) => this.fire(userId, event));
    this.rooms.event$.subscribe((event) => this.delayed.overtake(event));
    this.ephemeral = new VirtualEphemeral(
      this.agenda,
      () => this.now(),
      (event) => this.rooms.tell(event),
    );
  }

  /** The time by the clock of the server. */
  now(): number {
    return this.agenda.now() + (this.options.clockAheadMs ?? 0);
  }

  get devices(): Iterable<DeviceRecord> {
    return this.#devices.values();
  }

  /** Logs a device in, if it is not logged in yet. It knows the rooms of its user from the start. */
  logIn(userId: string, deviceId: string): DeviceRecord {
    const key = keyOf({ userId, deviceId });
    const known = this.#devices.get(key);
    if (known) return known;
    const device = new DeviceRecord(userId, deviceId, {
      agenda: this.agenda,
      random: this.random,
      syncFaults: this.syncFaults,
      syncMs: () => this.options.syncMs,
      isServerUp: () => this.#isUp,
      serverNow: () => this.now(),
    });
    this.#devices.set(key, device);
    device.synced.ingest(this.rooms.joinedBy(userId));
    return device;
  }

  device(device: Device): DeviceRecord {
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

  reconfigure(change: Partial<VirtualServerOptions>): void {
    this.options = { ...this.options, ...change };
    if (change.rateLimit !== undefined) this.#rateLimits.clear();
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
  request<T>(from: DeviceRecord, request: Omit<VirtualRequest, "ts" | keyof Device>, act: () => T): Observable<T> {
    const { userId, deviceId } = from;
    const { random } = this;
    return overNetwork(from, () => {
      const sent: VirtualRequest = { ts: this.agenda.now(), userId, deviceId, ...request };
      this.log.add(sent);
      this.request$.next(sent);
      if (this.log.count === this.options.requestLimit) this.#failIfVirtual();
      const latencyMs = random.durationMs(this.options.latencyMs);
      const limited = () => {
        if (this.options.rateLimit) this.#rateLimits.count(this.options.rateLimit, sent, this.agenda.now());
        return act();
      };
      return { latencyMs, fault: this.faults.nextFor(sent), random, act: limited };
    });
  }

  /** A join that nobody ends restarts its delayed leave forever, and the virtual time of a `TestScheduler` goes on with it. */
  #failIfVirtual(): void {
    const isVirtual = this.agenda.now() < firstRealTs;
    if (!isVirtual) return;
    const about = "a join is probably never ended: give it leaveOn, unsubscribe from it, or kill its device";
    const message = `${this.log.count} requests in virtual time; ${about}. Or raise requestLimit. ${this.log.summary()}`;
    outside(() =>
      asyncScheduler.schedule(() => {
        throw new RtcError("bad-argument", message);
      }),
    );
  }

  /** Accepts an event from a device if its user may send it. */
  send(from: DeviceRecord, event: OutgoingEvent): string {
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
    setNewest(this.#transactions, transaction, eventId, maxTransactions);
    return eventId;
  }

  /** Redacts an event for a device if its user may, once for each transaction. */
  redact(from: DeviceRecord, roomId: string, eventId: string, txnId: string, reason?: string): string {
    const { userId, deviceId } = from;
    const rejection = this.rooms.get(roomId).redactionRejectionOf(userId, eventId);
    if (rejection) throw rejection;
    const transaction = JSON.stringify([userId, deviceId, roomId, eventId, txnId]);
    const redactionId = this.#transactions.get(transaction) ?? this.rooms.redact(roomId, eventId, userId, reason);
    setNewest(this.#transactions, transaction, redactionId, maxTransactions);
    return redactionId;
  }

  schedule(userId: string, event: OutgoingEvent, delayMs: number, deviceId = ""): string {
    const { maxDelayMs = Infinity, maxPerUser = 100, tellsMax = true } = this.#delayedEvents();
    if (delayMs > maxDelayMs)
      throw new MatrixError("max-delay-exceeded", "the delay is too long", tellsMax ? { maxDelayMs } : {});
    return this.delayed.schedule({ userId, deviceId }, event, delayMs, maxPerUser);
  }

  /** What the server says about its delayed events. */
  get statedLimits(): false | { readonly maxDelayMs?: number } {
    const { delayedEvents } = this.options;
    if (!delayedEvents) return false;
    const { maxDelayMs, tellsMax = true } = delayedEvents;
    return tellsMax && maxDelayMs !== undefined ? { maxDelayMs } : {};
  }

  updateDelayedEvent(delayId: string, action: "restart" | "send" | "cancel"): void {
    if (!this.#isUp) throw new MatrixError("network", "the server does not answer");
    this.#delayedEvents();
    this.delayed.update(delayId, action);
  }

  /** @throws MatrixError `forbidden` if the user is not in the room. */
  setTyping(roomId: string, userId: string, isTyping: boolean, timeoutMs: number): void {
    if (!this.rooms.get(roomId).joined.has(userId)) throw new MatrixError("forbidden", `${userId} is not in the room`);
    this.ephemeral.setTyping(roomId, userId, isTyping, timeoutMs);
  }

  /** Hands a to-device message to a device. */
  deliver(to: Device, message: ToDeviceMessage): void {
    const device = this.device(to);
    const { type, sender } = message;
    const { userId, deviceId } = to;
    const fault = this.messageFaults.nextFor({ type, sender, to: { userId, deviceId } });
    if (fault?.lose) return;
    const lateMs = this.random.durationMs(fault?.lateMs);
    const copy: ToDeviceMessage = { ...message, content: toJson(message.content) };
    const enqueue = () => device.enqueue({ kind: "message", message: copy });
    if (lateMs > 0) this.agenda.in(lateMs, enqueue);
    else enqueue();
  }

  /** @throws MatrixError `unsupported` if the server has no delayed events. */
  #delayedEvents(): DelayedEventLimits {
    const { delayedEvents } = this.options;
    if (!delayedEvents) throw new MatrixError("unsupported", "no delayed events here");
    return delayedEvents;
  }

  /** Sends a delayed event that is due, in cleartext. Like Synapse, checks the permission only now and drops a forbidden event. */
  protected fire(sender: string, event: OutgoingEvent): void {
    const { roomId, type, stateKey } = event;
    if (this.rooms.get(roomId).rejectionOf(sender, type, stateKey)) return;
    if (stateKey !== undefined) this.rooms.sendState(sender, event);
    else this.#addToTimeline(sender, event);
  }

  /** Adds a timeline event, encrypted by a device or in cleartext. */
  #addToTimeline(sender: string, { roomId, type, content, stickyMs }: OutgoingEvent, by?: DeviceRecord): string {
    const draft = { type, content, sender };
    if (stickyMs !== undefined) {
      const encryption = by ? ({ encryption: "decrypted", senderDeviceId: by.deviceId } as const) : cleartext;
      return this.rooms.addSticky(roomId, draft, { durationMs: stickyMs, ...encryption });
    }
    return this.rooms.add(roomId, by ? { ...draft, proof: by.proof } : draft);
  }
}

/** How many transactions the server remembers. */
const maxTransactions = 10_000;

/** Virtual time begins at 0. */
const firstRealTs = Date.UTC(2000, 0);

const cleartext = { encryption: "cleartext" } as const;

const keyOf = ({ userId, deviceId }: Device): string => JSON.stringify([userId, deviceId]);
