// VirtualDevice: a device as the server knows it, with its condition and the changes of its next sync response.
import { BehaviorSubject, filter, map, type Observable, take, timer } from "rxjs";
import type { Device, RoomChange, ToDeviceMessage } from "../matrix.ts";
import type { SyncChange } from "./sync-change.ts";
import { SyncedRooms } from "./synced-rooms.ts";

/** The condition of a device. */
export interface Condition {
  /**
   * `offline`: requests fail. `frozen`: like a stopped page, requests and their responses wait until it is online again. In
   * both states the device does not sync. Its first sync afterwards emits a batch, which is empty if nothing changed.
   */
  readonly connection: "online" | "offline" | "frozen";
  /** `held`: the server keeps its to-device messages until this is `delivered` again. */
  readonly toDevice: "delivered" | "held";
  /** Whether other users know the device. If not, sending to it gives `unknown-device`. */
  readonly listed: boolean;
  /** Whether proofs call the device cross-signed. */
  readonly crossSigned: boolean;
}

const initialCondition: Condition = { connection: "online", toDevice: "delivered", listed: true, crossSigned: true };

export class VirtualDevice implements Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly synced: SyncedRooms;
  #changes$: Observable<readonly RoomChange[]>;
  readonly #isServerUp: () => boolean;
  readonly #syncMs: number;
  readonly #condition$ = new BehaviorSubject(initialCondition);
  #waiting: SyncChange[] = [];
  #isSyncing = false;
  #wasCut = false;

  constructor(userId: string, deviceId: string, syncMs: number, isServerUp: () => boolean) {
    this.userId = userId;
    this.deviceId = deviceId;
    this.synced = new SyncedRooms(userId);
    this.#changes$ = this.synced.changes$.asObservable();
    this.#syncMs = syncMs;
    this.#isServerUp = isServerUp;
  }

  get condition(): Condition {
    return this.#condition$.value;
  }

  /** The changes. All ports of one page have the same stream. */
  get changes$(): Observable<readonly RoomChange[]> {
    return this.#changes$;
  }

  /** Stops this page of the device. Ports that are made from now on are those of another page. */
  stop(): void {
    this.#changes$ = this.synced.changes$.asObservable();
    this.adjust({ connection: "frozen" });
  }

  /** The proof that comes with the messages that it encrypts. */
  get proof(): NonNullable<ToDeviceMessage["proof"]> {
    return { deviceId: this.deviceId, crossSigned: this.condition.crossSigned };
  }

  /** Emits once as soon as the device is not frozen. */
  get awake$(): Observable<void> {
    return this.#condition$.pipe(
      filter(({ connection }) => connection !== "frozen"),
      take(1),
      map(() => undefined),
    );
  }

  /** Whether the device and the server can reach each other. */
  get isConnected(): boolean {
    return this.condition.connection === "online" && this.#isServerUp();
  }

  adjust(change: Partial<Condition>): void {
    this.#condition$.next({ ...this.condition, ...change });
    this.sync();
  }

  /** Adds a change to the next sync response. */
  enqueue(change: SyncChange): void {
    this.#waiting.push(change);
    this.sync();
  }

  /** Starts a sync if a change is waiting, or if the connection is back. */
  sync(): void {
    if (!this.isConnected) this.#wasCut = true;
    else if (!this.#isSyncing && (this.#wasCut || this.#waiting.some((change) => this.#isDue(change)))) this.#start();
  }

  #start(): void {
    this.#isSyncing = true;
    timer(this.#syncMs).subscribe(() => {
      this.#isSyncing = false;
      if (!this.isConnected) return;
      const response = this.#waiting.filter((change) => this.#isDue(change));
      this.#waiting = this.#waiting.filter((change) => !this.#isDue(change));
      const isBack = this.#wasCut;
      this.#wasCut = false;
      this.synced.ingest(response, isBack);
    });
  }

  #isDue(change: SyncChange): boolean {
    return change.kind !== "message" || this.condition.toDevice === "delivered";
  }
}
