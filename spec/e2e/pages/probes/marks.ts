// Marks: when each step of a join was reached for the first time, in milliseconds since the join.

export type Mark =
  | "join"
  /** Our membership is in the room. */
  | "homeserver"
  /** The authorisation service has given us a token. */
  | "token"
  /** We are connected to the SFU. */
  | "sfu"
  /** The key of somebody else has arrived. */
  | "key"
  /** The first frame of somebody is decoded. */
  | "frame";

export class Marks {
  readonly #joinTs = performance.now();
  readonly #times = new Map<Mark, number>([["join", 0]]);

  mark(name: Mark): void {
    if (!this.#times.has(name)) this.#times.set(name, Math.round(performance.now() - this.#joinTs));
  }

  times(): Partial<Record<Mark, number>> {
    return Object.fromEntries(this.#times);
  }
}
