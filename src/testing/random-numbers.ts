// RandomNumbers: a seeded source of random numbers, so that every run of a test can be repeated.

export class RandomNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and less than 1. The generator is mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A duration: the one that is given, or a whole number of milliseconds between two. */
  durationMs(lateness: number | readonly [number, number] = 0): number {
    if (typeof lateness === "number") return lateness;
    const [leastMs, mostMs] = lateness;
    return leastMs + Math.floor(this.next() * (mostMs - leastMs + 1));
  }
}
