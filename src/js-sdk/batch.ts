// Batch: collects changes while the client processes a sync response, and emits them at its end. protocol.md 3.2.
import type { MatrixClient } from "matrix-js-sdk";
import type { RoomChange } from "../matrix.ts";

export class Batch {
  readonly #client: MatrixClient;
  readonly #emit: (changes: readonly RoomChange[]) => void;
  #changes: RoomChange[] = [];
  /** The sync token of the last response that the client has processed completely. */
  #processedToken: string | null;

  constructor(client: MatrixClient, emit: (changes: readonly RoomChange[]) => void) {
    this.#client = client;
    this.#emit = emit;
    this.#processedToken = client.getSyncState() === null ? null : client.store.getSyncToken();
  }

  add(change: RoomChange): void {
    this.#changes.push(change);
    // Outside a sync response (a late decryption, a local change) no event marks the end, so a microtask does.
    if (this.#changes.length === 1 && !this.#isProcessing()) {
      queueMicrotask(() => this.#isProcessing() || this.#flush());
    }
  }

  /** Call this when the client announces its sync state, which it does between responses. */
  endOfSync(isResumed: boolean): void {
    this.#processedToken = this.#client.store.getSyncToken();
    this.#flush();
    // After the changes, so that each reader of it has them.
    if (isResumed) this.#emit([]);
  }

  /** The client stores the token of a response before it processes the events in it. */
  #isProcessing(): boolean {
    return this.#client.store.getSyncToken() !== this.#processedToken;
  }

  #flush(): void {
    if (this.#changes.length === 0) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#emit(changes);
  }
}
