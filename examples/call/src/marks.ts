// Marks: when something happened for the first time since we joined, in milliseconds since then.

export type Mark =
  | "join"
  /** Our membership is in the room. */
  | "homeserver"
  /** The authorisation service has let us in. */
  | "token"
  /** We are connected to the SFU. */
  | "sfu"
  /** Somebody's key has come. */
  | "key"
  /** Somebody's first frame is decoded. */
  | "frame";

export class Marks {
  #times = new Map<Mark, number>();

  /** `join` starts anew. */
  readonly mark = (name: Mark): void => {
    if (name === "join") this.#times = new Map();
    if (!this.#times.has(name)) this.#times.set(name, performance.now());
  };

  sinceJoin(): Partial<Record<Mark, number>> {
    const start = this.#times.get("join") ?? 0;
    return Object.fromEntries([...this.#times].map(([name, time]) => [name, Math.round(time - start)]));
  }
}
