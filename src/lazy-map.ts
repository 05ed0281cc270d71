// LazyMap: a map whose keys are given, and whose values are made when they are asked for.

export class LazyMap<K, V> implements ReadonlyMap<K, V> {
  readonly #keys: ReadonlySet<K>;
  readonly #valueOf: (key: K) => V;

  /** @param valueOf Gives the same value for the same key, always. */
  constructor(keys: ReadonlySet<K>, valueOf: (key: K) => V) {
    this.#keys = keys;
    this.#valueOf = valueOf;
  }

  /** Whether its keys are these. */
  hasKeys(keys: ReadonlySet<K>): boolean {
    return keys === this.#keys || (keys.size === this.size && [...keys].every((key) => this.#keys.has(key)));
  }

  get size(): number {
    return this.#keys.size;
  }

  has(key: K): boolean {
    return this.#keys.has(key);
  }

  get(key: K): V | undefined {
    return this.#keys.has(key) ? this.#valueOf(key) : undefined;
  }

  keys(): MapIterator<K> {
    return this.#keys.keys();
  }

  *values(): Generator<V, undefined> {
    for (const key of this.#keys) yield this.#valueOf(key);
    return undefined;
  }

  *entries(): Generator<[K, V], undefined> {
    for (const key of this.#keys) yield [key, this.#valueOf(key)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries();
  }

  forEach(act: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) act(value, key, this);
  }
}
