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

/** What was reached with one other member. */
export type MemberMark =
  /** Its key has arrived. */
  | "key"
  /** Its key is installed in LiveKit. */
  | "installed"
  /** We see a video of it on the SFU. */
  | "published"
  /** We have subscribed to that. */
  | "subscribed"
  /** The first data of it has come. */
  | "received"
  /** The first frame of it is decoded. */
  | "frame";

export class Marks {
  readonly #joinTs = performance.now();
  readonly #times = new Map<Mark, number>([["join", 0]]);
  readonly #ofMembers = new Map<string, Map<MemberMark, number>>();

  mark(name: Mark): void {
    if (!this.#times.has(name)) this.#times.set(name, this.#now());
  }

  /** Returns whether it is the first time. */
  markMember(identity: string, name: MemberMark): boolean {
    const times = this.#ofMembers.get(identity) ?? new Map<MemberMark, number>();
    this.#ofMembers.set(identity, times);
    if (times.has(name)) return false;
    times.set(name, this.#now());
    return true;
  }

  /** When we were connected, saw the video of a member and had its key, and when its first frame was decoded. */
  pictureOf(identity: string): { readonly readyMs: number; readonly frame: number | undefined } {
    const { frame, key = 0, published = 0 } = this.timesOfMembers()[identity] ?? {};
    return { readyMs: Math.max(this.times().sfu ?? 0, key, published), frame };
  }

  /** The time of the join, by the wall clock. */
  get joinTs(): number {
    return Math.round(performance.timeOrigin + this.#joinTs);
  }

  times(): Partial<Record<Mark, number>> {
    return Object.fromEntries(this.#times);
  }

  /** By identity. */
  timesOfMembers(): Readonly<Record<string, Partial<Record<MemberMark, number>>>> {
    return Object.fromEntries(
      Array.from(this.#ofMembers, ([identity, times]) => [identity, Object.fromEntries(times)]),
    );
  }

  #now(): number {
    return Math.round(performance.now() - this.#joinTs);
  }
}
