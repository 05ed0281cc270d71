// Batch: news gathered while the client takes in a sync response, told once it has. protocol.md 3.2.
import type { MatrixClient } from "matrix-js-sdk";
import type { RoomChange } from "../matrix.ts";

export class Batch {
  readonly #client: MatrixClient;
  readonly #tell: (change: readonly RoomChange[]) => void;
  #change: RoomChange[] = [];
  /** The sync token of the last response that the client has taken in whole. */
  #takenIn: string | null;

  constructor(client: MatrixClient, tell: (change: readonly RoomChange[]) => void) {
    this.#client = client;
    this.#tell = tell;
    this.#takenIn = client.getSyncState() === null ? null : client.store.getSyncToken();
  }

  add(change: RoomChange): void {
    this.#change.push(change);
    // Outside a sync response (a late decryption, a change made locally) nobody says when it is over.
    if (this.#change.length === 1 && !this.#isTakingIn()) queueMicrotask(() => this.#isTakingIn() || this.#flush());
  }

  /** The client has announced its sync state, which it does between responses. */
  settle(isResumed: boolean): void {
    this.#takenIn = this.#client.store.getSyncToken();
    this.#flush(isResumed);
  }

  /** The client notes the token of a response before it looks at the events in it. */
  #isTakingIn(): boolean {
    return this.#client.store.getSyncToken() !== this.#takenIn;
  }

  #flush(evenIfEmpty = false): void {
    if (this.#change.length === 0 && !evenIfEmpty) return;
    const change = this.#change;
    this.#change = [];
    this.#tell(change);
  }
}
