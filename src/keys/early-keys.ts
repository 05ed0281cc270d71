// EarlyKeys: keys that wait for their member to be seen: not too many, and not for ever. protocol.md 5.4, pitfall 25.
import { deviceKey } from "./device.ts";
import type { ProvenKey } from "./sender.ts";

const mostPerDevice = 10;
const most = 1_000;
/** Sync, and decryption of the membership, may take their time. */
const patienceMs = 60_000;

export class EarlyKeys {
  /** In the order in which they came. */
  #keys: readonly ProvenKey[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** When the first one has waited for too long. */
  get deadlineTs(): number {
    const [first] = this.#keys;
    return first ? first.receivedTs + patienceMs : Infinity;
  }

  /** Adds a key, and gives back the oldest one if that makes too many of its device, or too many at all. */
  add(key: ProvenKey): ProvenKey | undefined {
    const ofDevice = this.#keys.filter((other) => deviceKey(other) === deviceKey(key));
    const [first] = ofDevice.length >= mostPerDevice ? ofDevice : this.#keys.length >= most ? this.#keys : [];
    this.#keys = [...this.#keys.filter((other) => other !== first), key];
    return first;
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
