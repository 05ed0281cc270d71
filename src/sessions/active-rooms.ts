// ActiveRooms: the rooms whose call has members. Each of them is watched until its call has none.
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import type { ReadingRules } from "../membership/eligibility.ts";
import { projectNow, type ProjectionOptions } from "../membership/projection.ts";
import { changesByRoom, type Watcher } from "../room/room-changes.ts";
import { mayBeGone, type Sentinel } from "./sentinel.ts";

export class ActiveRooms {
  readonly #matrix: Matrix;
  readonly #rules: ReadingRules;
  /** For each room that is watched: the function that ends its watch. */
  readonly #watched = new Map<string, () => void>();
  readonly #active = new Set<string>();
  #roomIds: ReadonlySet<string> | undefined;

  constructor(matrix: Matrix, rules: ReadingRules) {
    this.#matrix = matrix;
    this.#rules = rules;
  }

  /** The ids of the rooms, in the order in which their calls began. It is the same set object until it changes. */
  get roomIds(): ReadonlySet<string> {
    return (this.#roomIds ??= new Set(this.#active));
  }

  /** Whether the set has changed since it was last read. */
  get hasChanged(): boolean {
    return this.#roomIds === undefined;
  }

  has(roomId: string): boolean {
    return this.#active.has(roomId);
  }

  /** Adds a room if its call has members, and watches it until the call has none, and will have none without an event. */
  check(roomId: string): void {
    this.#watched.get(roomId)?.();
    const call = new ActiveCall(this.#matrix, { ...this.#rules, roomId }, () => this.#note(roomId, call));
    this.#watched.set(roomId, changesByRoom(this.#matrix).watch(roomId, call));
    this.#note(roomId, call);
  }

  delete(roomId: string): void {
    this.#watched.get(roomId)?.();
    this.#watched.delete(roomId);
    if (this.#active.delete(roomId)) this.#roomIds = undefined;
  }

  #note(roomId: string, { isActive, deadlineTs }: ActiveCall): void {
    if (deadlineTs === Infinity) return this.delete(roomId);
    if (isActive === this.#active.has(roomId)) return;
    if (isActive) this.#active.add(roomId);
    else this.#active.delete(roomId);
    this.#roomIds = undefined;
  }

  /** Ends all watches. */
  close(): void {
    for (const roomId of this.#watched.keys()) this.delete(roomId);
  }
}

/** Watches one call. */
class ActiveCall implements Watcher {
  readonly #matrix: Matrix;
  readonly #options: ProjectionOptions;
  readonly #onRead: () => void;
  #sentinel: Sentinel | undefined;
  /** While it has no members: when it may have one again, although no event comes. */
  #returnTs = Infinity;

  constructor(matrix: Matrix, options: ProjectionOptions, onRead: () => void) {
    this.#matrix = matrix;
    this.#options = options;
    this.#onRead = onRead;
  }

  get isActive(): boolean {
    return this.#sentinel !== undefined;
  }

  get deadlineTs(): number {
    return this.#sentinel?.endTs ?? this.#returnTs;
  }

  refresh(batch: readonly RoomChange[]): void {
    const now = asyncScheduler.now();
    const before = this.#sentinel;
    if (before && now < before.endTs && !batch.some((change) => mayBeGone(before, change))) return;
    const { fold } = projectNow(this.#matrix, this.#options, now);
    this.#sentinel = fold.lastToEnd;
    this.#returnTs = fold.returnTs;
    this.#onRead();
  }
}
