// ActiveRooms: the rooms whose call has members. Each of them is watched until its call has none.
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import type { ReadingRules } from "../membership/eligibility.ts";
import type { ProjectionOptions } from "../membership/projection.ts";
import { changesByRoom, type Watcher } from "../room/room-changes.ts";
import { mayBeGone, type Sentinel, sentinelOf } from "./sentinel.ts";

export class ActiveRooms {
  readonly #matrix: Matrix;
  readonly #rules: ReadingRules;
  /** For each active room: the function that ends its watch. */
  readonly #active = new Map<string, () => void>();
  #roomIds: ReadonlySet<string> | undefined;

  constructor(matrix: Matrix, rules: ReadingRules) {
    this.#matrix = matrix;
    this.#rules = rules;
  }

  /** The ids of the rooms, in the order in which their calls began. It is the same set object until it changes. */
  get roomIds(): ReadonlySet<string> {
    return (this.#roomIds ??= new Set(this.#active.keys()));
  }

  /** Whether the set has changed since it was last read. */
  get hasChanged(): boolean {
    return this.#roomIds === undefined;
  }

  has(roomId: string): boolean {
    return this.#active.has(roomId);
  }

  /** Adds a room if its call has members, and watches it until the call has none. */
  check(roomId: string): void {
    const call = new ActiveCall(this.#matrix, { ...this.#rules, roomId }, () => this.delete(roomId));
    const stop = changesByRoom(this.#matrix).watch(roomId, call);
    if (!call.isActive) {
      stop();
      return;
    }
    this.#active.set(roomId, stop);
    this.#roomIds = undefined;
  }

  delete(roomId: string): void {
    this.#active.get(roomId)?.();
    if (this.#active.delete(roomId)) this.#roomIds = undefined;
  }

  /** Ends all watches. */
  close(): void {
    for (const roomId of this.roomIds) this.delete(roomId);
  }
}

/** Watches one call until it has no members. */
class ActiveCall implements Watcher {
  readonly #matrix: Matrix;
  readonly #options: ProjectionOptions;
  readonly #onEnd: () => void;
  #sentinel: Sentinel | undefined;

  constructor(matrix: Matrix, options: ProjectionOptions, onEnd: () => void) {
    this.#matrix = matrix;
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get isActive(): boolean {
    return this.#sentinel !== undefined;
  }

  get deadlineTs(): number | undefined {
    return this.#sentinel?.expiresTs;
  }

  refresh(batch: readonly RoomChange[]): void {
    const now = asyncScheduler.now();
    const sentinel = this.#sentinel;
    if (sentinel && now < sentinel.expiresTs && !batch.some((change) => mayBeGone(sentinel, change))) return;
    this.#sentinel = sentinelOf(this.#matrix, this.#options, now);
    if (!this.#sentinel) this.#onEnd();
  }
}
