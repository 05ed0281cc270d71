// Random: the seeded random numbers of the testing kit, with choices.
import { RandomNumbers } from "../../src/testing/random-numbers.ts";

export class Random extends RandomNumbers {
  /** An integer of at least 0 and less than `limit`. */
  integer(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(list.length)]!;
  }
}
