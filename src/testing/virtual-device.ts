// VirtualDevice: a device as the server knows it: how it is doing, and what it has still to be told.
import { BehaviorSubject, filter, map, type Observable, take, timer } from "rxjs";
import type { Device, ToDeviceMessage } from "../matrix.ts";
import { type Change, SyncedRooms } from "./synced-rooms.ts";

/** How a device is doing. */
export interface Condition {
  /**
   * `offline`: requests fail. `frozen`: a stopped page, its requests and their answers wait for the thaw. Neither syncs; the
   * first sync after it is news, an empty batch if there is nothing else.
   */
  readonly connection: "online" | "offline" | "frozen";
  /** `held`: the server keeps its to-device messages back until they are to be `delivered`. */
  readonly toDevice: "delivered" | "held";
  /** Whether others know that it exists. If not, sending to it is `unknown-device`. */
  readonly listed: boolean;
  /** What the proof of what it encrypts says. */
  readonly crossSigned: boolean;
}

const asNew: Condition = { connection: "online", toDevice: "delivered", listed: true, crossSigned: true };

export class VirtualDevice implements Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly synced: SyncedRooms;
  readonly #isServerUp: () => boolean;
  readonly #syncMs: number;
  readonly #condition$ = new BehaviorSubject(asNew);
  #waiting: Change[] = [];
  #isSyncing = false;
  #wasCut = false;

  constructor(userId: string, deviceId: string, syncMs: number, isServerUp: () => boolean) {
    this.userId = userId;
    this.deviceId = deviceId;
    this.synced = new SyncedRooms(userId);
    this.#syncMs = syncMs;
    this.#isServerUp = isServerUp;
  }

  get condition(): Condition {
    return this.#condition$.value;
  }

  /** What is known of the sender of whatever it encrypts. */
  get proof(): NonNullable<ToDeviceMessage["proof"]> {
    return { deviceId: this.deviceId, crossSigned: this.condition.crossSigned };
  }

  /** Emits once when it is not frozen: now, or at the thaw. */
  get awake$(): Observable<void> {
    return this.#condition$.pipe(
      filter(({ connection }) => connection !== "frozen"),
      take(1),
      map(() => undefined),
    );
  }

  /** Whether it and the server reach each other. */
  get isConnected(): boolean {
    return this.condition.connection === "online" && this.#isServerUp();
  }

  adjust(change: Partial<Condition>): void {
    this.#condition$.next({ ...this.condition, ...change });
    this.sync();
  }

  /** Tells it with its next sync response. */
  tell(change: Change): void {
    this.#waiting.push(change);
    this.sync();
  }

  /** Starts a sync if there is something to tell, or if the connection is back. */
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
      this.synced.take(response, isBack);
    });
  }

  #isDue(change: Change): boolean {
    return change.kind !== "message" || this.condition.toDevice === "delivered";
  }
}
