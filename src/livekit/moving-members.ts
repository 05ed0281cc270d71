// MovingMembers: members whose SFU has changed. They are received where they were until they are received where they are.
import type { Membership, Transport } from "../types.ts";

export interface SfuPlace {
  readonly sfu: string;
  readonly transport: Transport;
}

/** A member that has left an SFU for another one. */
export interface Moving extends SfuPlace {
  readonly untilTs: number;
}

/** A member publishes at both for 5 s after it says so. */
const patienceMs = 10_000;

export class MovingMembers {
  #places = new Map<string, SfuPlace>();
  #moving = new Map<string, Moving>();

  /** Notes where the members are now. */
  update(members: readonly Membership[], placeOf: (member: Membership) => SfuPlace | undefined, now: number): void {
    const places = new Map<string, SfuPlace>();
    const moving = new Map<string, Moving>();
    for (const member of members) {
      const { instance } = member;
      const place = placeOf(member);
      const before = this.#places.get(instance);
      const known = this.#moving.get(instance);
      if (place) places.set(instance, place);
      if (before && place && before.sfu !== place.sfu) moving.set(instance, { ...before, untilTs: now + patienceMs });
      else if (known && known.untilTs > now && known.sfu !== place?.sfu) moving.set(instance, known);
    }
    this.#places = places;
    this.#moving = moving;
  }

  of({ instance }: Membership): Moving | undefined {
    return this.#moving.get(instance);
  }

  /** It is received where it is now. */
  settle({ instance }: Membership): void {
    this.#moving.delete(instance);
  }

  /** When the next one is given up. */
  get dueTs(): number {
    return Math.min(Infinity, ...Array.from(this.#moving.values(), ({ untilTs }) => untilTs));
  }
}
