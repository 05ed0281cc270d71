// FakeClock: replaces `Date.now`, `setInterval` and `setTimeout`, which RxJS uses, so that hours pass in milliseconds.

interface FakeTimer {
  dueTs: number;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
}

export class FakeClock {
  #now = Date.now();
  #lastId = 0;
  readonly #timers = new Map<number, FakeTimer>();

  /** From now on, time passes only in `advance`. */
  install(): void {
    const set =
      (isRepeated: boolean) =>
      (callback: (...args: unknown[]) => void, ms: number, ...args: unknown[]) => {
        const waitMs = Math.max(1, ms);
        const everyMs = isRepeated ? waitMs : undefined;
        this.#timers.set(++this.#lastId, { dueTs: this.#now + waitMs, everyMs, callback: () => callback(...args) });
        return this.#lastId;
      };
    const clear = (id: number) => this.#timers.delete(id);
    Date.now = () => this.#now;
    const timers = { setInterval: set(true), clearInterval: clear, setTimeout: set(false), clearTimeout: clear };
    Object.assign(globalThis, timers);
  }

  advance(ms: number): void {
    const endTs = this.#now + ms;
    for (let next = this.#next(endTs); next; next = this.#next(endTs)) {
      const [id, timer] = next;
      this.#now = Math.max(this.#now, timer.dueTs);
      if (timer.everyMs === undefined) this.#timers.delete(id);
      else timer.dueTs = this.#now + timer.everyMs;
      timer.callback();
    }
    this.#now = endTs;
  }

  #next(endTs: number): [number, FakeTimer] | undefined {
    let soonest: [number, FakeTimer] | undefined;
    for (const entry of this.#timers) if (entry[1].dueTs < (soonest?.[1].dueTs ?? Infinity)) soonest = entry;
    return soonest && soonest[1].dueTs <= endTs ? soonest : undefined;
  }
}
