// DeviceRecord: a device as the server knows it: its condition, its page, and the changes of its next sync response.
import { Subject } from "rxjs";
import type { Device, ToDeviceMessage } from "../matrix.ts";
import type { Faults, Lateness, SyncFault } from "./faults.ts";
import type { RandomNumbers } from "./random-numbers.ts";
import type { SyncChange } from "./sync-change.ts";
import { SyncedRooms } from "./synced-rooms.ts";
import type { Agenda } from "./time/agenda.ts";
import { type DeviceClock, Life, type SleepingTimers } from "./time/life.ts";
import { presentPlace } from "./time/place.ts";

/** The condition of a device. */
export interface Condition {
  /**
   * `offline`: requests fail. `frozen`: like a stopped page, requests and their responses wait until it is online again, and
   * the timers of its code (`runOn`) do not fire. In both states the device does not sync. Its first sync afterwards emits
   * a batch, which is empty if nothing changed.
   */
  readonly connection: "online" | "offline" | "frozen";
  /** `stalled`: requests are answered, but no sync response comes. */
  readonly sync: "running" | "stalled";
  /** The time from the first event of a sync response until the device has it. Default: `syncMs` of the homeserver. */
  readonly syncMs: Lateness | undefined;
  /** `held`: the server keeps its to-device messages until this is `delivered` again. */
  readonly toDevice: "delivered" | "held";
  /** Whether other users know the device. If not, sending to it gives `unknown-device`. */
  readonly listed: boolean;
  /** Whether proofs call the device cross-signed. */
  readonly crossSigned: boolean;
}

/** What a device shares with the server. */
export interface DeviceContext {
  readonly agenda: Agenda;
  readonly random: RandomNumbers;
  readonly syncFaults: Faults<Device, SyncFault>;
  readonly syncMs: () => Lateness;
  readonly isServerUp: () => boolean;
  /** The time by the clock of the server. */
  readonly serverNow: () => number;
}

const initialCondition: Condition = {
  connection: "online",
  sync: "running",
  syncMs: undefined,
  toDevice: "delivered",
  listed: true,
  crossSigned: true,
};

/** How long a device waits before it asks again for a sync response that was lost. */
const syncRetryMs = 3_000;

export class DeviceRecord implements Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly synced: SyncedRooms;
  readonly clock: DeviceClock = { aheadMs: 0 };
  /** Emits when its condition has changed. */
  readonly changed$: Subject<void> = new Subject();
  readonly #context: DeviceContext;
  #life: Life;
  #condition = initialCondition;
  #waiting: SyncChange[] = [];
  readonly #asleep = new Set<() => void>();
  #isSyncing = false;
  #wasCut = false;

  constructor(userId: string, deviceId: string, context: DeviceContext) {
    this.userId = userId;
    this.deviceId = deviceId;
    this.#context = context;
    this.#life = new Life(context.agenda, this.clock);
    this.synced = new SyncedRooms(userId, { now: () => this.#life.now(), serverNow: context.serverNow });
  }

  get condition(): Condition {
    return this.#condition;
  }

  /** The page of the device, or the last one if that is dead. */
  get life(): Life {
    return this.#life;
  }

  /** The page whose code calls this. Code that runs outside of all devices counts as code of the present page. */
  lifeOfCaller(): Life {
    const place = presentPlace();
    return place instanceof Life && place.isOf(this.clock) ? place : this.#life;
  }

  /** The proof that comes with the messages that it encrypts. */
  get proof(): NonNullable<ToDeviceMessage["proof"]> {
    return { deviceId: this.deviceId, crossSigned: this.condition.crossSigned };
  }

  /** Does something as soon as the device is not frozen. The returned function takes it back. */
  whenAwake(act: () => void): () => void {
    if (this.#condition.connection !== "frozen") {
      act();
      return () => {};
    }
    this.#asleep.add(act);
    return () => this.#asleep.delete(act);
  }

  /** Whether the device and the server can reach each other. */
  get isConnected(): boolean {
    return this.condition.connection === "online" && this.#context.isServerUp();
  }

  adjust(change: Partial<Condition>, timers: SleepingTimers = "late"): void {
    this.#condition = { ...this.condition, ...change };
    if (this.#condition.connection === "frozen") this.#life.sleep(timers);
    else this.#awake();
    this.changed$.next();
    this.sync();
  }

  /** The page ends, like one that has crashed. */
  kill(): void {
    this.adjust({ connection: "frozen" });
    this.#life.end();
  }

  /** Adds a change to the next sync response. */
  enqueue(change: SyncChange): void {
    this.#waiting.push(change);
    this.sync();
  }

  /** Starts a sync if a change is waiting, or if the connection is back. */
  sync(): void {
    if (!this.isConnected) this.#wasCut = true;
    else if (!this.#isSyncing && this.#canSync && (this.#wasCut || this.#waiting.some((change) => this.#isDue(change))))
      this.#start();
  }

  get #canSync(): boolean {
    return this.condition.sync === "running" && this.isConnected;
  }

  #awake(): void {
    if (this.#life.status === "dead") this.#life = new Life(this.#context.agenda, this.clock);
    this.#life.wake();
    const waiting = [...this.#asleep];
    this.#asleep.clear();
    for (const act of waiting) act();
  }

  #start(): void {
    const { agenda, random } = this.#context;
    this.#isSyncing = true;
    agenda.in(random.durationMs(this.condition.syncMs ?? this.#context.syncMs()), () => this.#respond());
  }

  /** The server makes a response of what is waiting, and it travels to the device. */
  #respond(): void {
    const { agenda, random, syncFaults } = this.#context;
    if (!this.#canSync) return this.#end();
    const fault = syncFaults.nextFor(this);
    if (fault?.lose) return void agenda.in(syncRetryMs, () => this.#end());
    const lateMs = random.durationMs(fault?.lateMs);
    const response = this.#takeDue();
    const arrive = () => this.#arrive(response, fault);
    if (lateMs > 0) agenda.in(lateMs, arrive);
    else arrive();
  }

  #arrive(response: readonly SyncChange[], fault: SyncFault | undefined): void {
    this.#isSyncing = false;
    if (!this.#canSync) {
      // The device asks again from where it was.
      this.#waiting = [...response, ...this.#waiting];
      return this.sync();
    }
    const isBack = this.#wasCut;
    this.#wasCut = false;
    const isLimited = fault?.limited ?? false;
    this.synced.ingest(response, isBack, isLimited);
    if (fault?.twice) this.synced.ingest(response, false, isLimited);
    this.sync();
  }

  #end(): void {
    this.#isSyncing = false;
    this.sync();
  }

  #takeDue(): readonly SyncChange[] {
    const response = this.#waiting.filter((change) => this.#isDue(change));
    this.#waiting = this.#waiting.filter((change) => !this.#isDue(change));
    return response;
  }

  #isDue(change: SyncChange): boolean {
    return change.kind !== "message" || this.condition.toDevice === "delivered";
  }
}
