// KeyRing: the keys of one member, the newest of each index. protocol.md 5.4, pitfalls 24, 25.
import type { ProvenKey } from "./sender.ts";

/** A sender uses one key at a time and has at most one on its way. */
const most = 8;

export class KeyRing {
  /** By index, in the order in which they were taken. */
  readonly #keys = new Map<number, ProvenKey>();

  /** Takes a key unless a newer one of its index is there, by the sender's clock. */
  take(key: ProvenKey): "taken" | "known" | "outdated" {
    const before = this.#keys.get(key.keyIndex);
    if (before && before.sentTs >= key.sentTs) return "outdated";
    this.#keys.delete(key.keyIndex);
    this.#keys.set(key.keyIndex, key);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > most && oldest !== undefined) this.#keys.delete(oldest);
    return before && isSame(before.key, key.key) ? "known" : "taken";
  }

  keys(): readonly ProvenKey[] {
    return [...this.#keys.values()];
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);
