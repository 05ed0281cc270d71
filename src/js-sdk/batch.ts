// Batch: news gathered while the client takes in a sync response, told once it has. protocol.md 3.2.
import type { MatrixClient } from "matrix-js-sdk";
import type { News } from "../matrix.ts";

export class Batch {
  readonly #client: MatrixClient;
  readonly #tell: (news: readonly News[]) => void;
  #news: News[] = [];
  /** The sync token of the last response that the client has taken in whole. */
  #takenIn: string | null;

  constructor(client: MatrixClient, tell: (news: readonly News[]) => void) {
    this.#client = client;
    this.#tell = tell;
    this.#takenIn = client.getSyncState() === null ? null : client.store.getSyncToken();
  }

  add(news: News): void {
    this.#news.push(news);
    // Outside a sync response (a late decryption, a change made locally) nobody says when it is over.
    if (this.#news.length === 1 && !this.#isTakingIn()) queueMicrotask(() => this.#isTakingIn() || this.#flush());
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
    if (this.#news.length === 0 && !evenIfEmpty) return;
    const news = this.#news;
    this.#news = [];
    this.#tell(news);
  }
}
