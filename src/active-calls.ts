// ActiveCalls: the rooms whose call has members, each watched for as long as it has.
import type { Matrix } from "./matrix.ts";
import { keepView } from "./membership/live-view.ts";
import type { ViewOptions } from "./membership/view.ts";

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
  get isNews(): boolean {
    return this.#told === undefined;
  }

  has(roomId: string): boolean {
    return this.#active.has(roomId);
  }

  /** Watches a room if its call has members, and until it has none. */
  look(roomId: string): void {
    let isActive = true;
    const stop = keepView(this.#matrix, { ...this.#options, roomId }, ({ members }) => {
      isActive = members.length > 0;
      if (!isActive) this.drop(roomId);
    });
    if (!isActive) {
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
