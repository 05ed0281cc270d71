// ActiveCalls: the rooms whose call has members, each watched for as long as it has.
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import type { ViewOptions } from "../membership/projection.ts";
import { isInDoubt, type Witness, witnessOf } from "./sentinel.ts";
import { changesByRoom, type Watcher } from "../room/changes.ts";

export class ActiveCalls {
  readonly #matrix: Matrix;
  readonly #options: Omit<ViewOptions, "roomId">;
  readonly #onChange: () => void;
  /** What stops the watching of each active room. */
  readonly #active = new Map<string, () => void>();
  #told: ReadonlySet<string> | undefined;

  constructor(matrix: Matrix, options: Omit<ViewOptions, "roomId">, onChange: () => void) {
    this.#matrix = matrix;
    this.#options = options;
    this.#onChange = onChange;
  }

  /** The ids of the rooms, in the order in which their calls began: the same set until there is a change. */
  get roomIds(): ReadonlySet<string> {
    return (this.#told ??= new Set(this.#active.keys()));
  }

  /** Whether something has changed since it was last asked for. */
  get hasChanged(): boolean {
    return this.#told === undefined;
  }

  has(roomId: string): boolean {
    return this.#active.has(roomId);
  }

  /** Watches a room if its call has members, and until it has none. */
  look(roomId: string): void {
    const call = new ActiveCall(this.#matrix, { ...this.#options, roomId }, () => this.drop(roomId));
    const stop = changesByRoom(this.#matrix).watch(roomId, call);
    if (!call.isActive) {
      stop();
      return;
    }
    this.#active.set(roomId, stop);
    this.#change();
  }

  /** Watches a room no more, and takes its call for ended. */
  drop(roomId: string): void {
    this.#active.get(roomId)?.();
    if (this.#active.delete(roomId)) this.#change();
  }

  close(): void {
    for (const roomId of this.roomIds) this.drop(roomId);
  }

  #change(): void {
    this.#told = undefined;
    this.#onChange();
  }
}

class ActiveCall implements Watcher {
  readonly #matrix: Matrix;
  readonly #options: ViewOptions;
  readonly #onEnd: () => void;
  #witness: Witness | undefined;

  constructor(matrix: Matrix, options: ViewOptions, onEnd: () => void) {
    this.#matrix = matrix;
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get isActive(): boolean {
    return this.#witness !== undefined;
  }

  get deadlineTs(): number | undefined {
    return this.#witness?.expiresTs;
  }

  look(batch: readonly RoomChange[]): void {
    const now = asyncScheduler.now();
    const witness = this.#witness;
    if (witness && now < witness.expiresTs && !batch.some((change) => isInDoubt(witness, change))) return;
    this.#witness = witnessOf(this.#matrix, this.#options, now);
    if (!this.#witness) this.#onEnd();
  }
}
