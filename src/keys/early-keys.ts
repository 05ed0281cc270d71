// EarlyKeys: keys that wait for their member to be seen: not too many, and not for ever. protocol.md 5.4, pitfall 25.
import type { ProvenKey } from "./sender.ts";

const mostPerDevice = 10;
const mostPerUser = 100;
const most = 1_000;
/** Sync, and decryption of the membership, may take their time. */
const patienceMs = 60_000;

export class EarlyKeys {
  /** In the order in which they came. */
  #keys: readonly ProvenKey[] = [];
  readonly #isInRoom: (userId: string) => boolean;

  constructor(isInRoom: (userId: string) => boolean) {
    this.#isInRoom = isInRoom;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** When the first one has waited for too long. */
  get deadlineTs(): number {
    const [first] = this.#keys;
    return first ? first.receivedTs + patienceMs : Infinity;
  }

  /** Adds a key, and gives back the one that has to go if that makes too many: of its device, of its user, or at all. */
  add(key: ProvenKey): ProvenKey | undefined {
    this.#keys = [...this.#keys, key];
    const surplus = this.#surplus(key);
    if (surplus) this.#keys = this.#keys.filter((other) => other !== surplus);
    return surplus;
  }

  /** The oldest one; of too many at all, that of a user who is not in the room, while there is any. */
  #surplus({ userId, deviceId }: ProvenKey): ProvenKey | undefined {
    const ofUser = this.#keys.filter((other) => other.userId === userId);
    const ofDevice = ofUser.filter((other) => other.deviceId === deviceId);
    if (ofDevice.length > mostPerDevice) return ofDevice[0];
    if (ofUser.length > mostPerUser) return ofUser[0];
    if (this.#keys.length <= most) return undefined;
    return this.#keys.find((other) => !this.#isInRoom(other.userId)) ?? this.#keys[0];
  }

  /** Removes and returns those of which `isWanted` is true, the last sent first. */
  take(isWanted: (key: ProvenKey) => boolean): readonly ProvenKey[] {
    const wanted = this.#keys.filter(isWanted);
    if (wanted.length > 0) this.#keys = this.#keys.filter((key) => !wanted.includes(key));
    return wanted.toReversed().toSorted((a, b) => b.sentTs - a.sentTs);
  }

  /** Removes and returns those that have waited for too long. */
  forget(now: number): readonly ProvenKey[] {
    return now < this.deadlineTs ? [] : this.take(({ receivedTs }) => receivedTs + patienceMs <= now);
  }
}
