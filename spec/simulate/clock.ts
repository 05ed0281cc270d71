// SimulatedClock: one time for a whole simulation, and a clock and a life for each page. It replaces the timers of the platform.

/** Who sets timers: a page of a device, or the server. Its timers run only while it is awake. */
export class Life {
  readonly name: string;
  /** How far its wall clock is ahead. */
  aheadMs = 0;
  state: "awake" | "asleep" | "dead" = "awake";
  /** Whether its timers and its steady time stop while it sleeps, as those of a machine do. Those of a page run on. */
  stopsTime = false;
  asleepSinceTs = 0;
  wokeMs = -Infinity;
  /** For how long its steady time has stopped. */
  stoppedMs = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** A page that sets this many timers at one time never ends. */
const busyLoop = 200_000;

interface Timer {
  readonly id: number;
  readonly life: Life;
  /** Set by the code of the page. The others bring it what comes from outside. */
  readonly isOwn: boolean;
  readonly setTs: number;
  dueTs: number;
  /** Orders timers that are due at one time. */
  order: number;
  readonly everyMs: number | undefined;
  callback: () => void;
  isCleared: boolean;
}

/** The platform's own functions, which the clock replaces while it is installed. */
const platform = {
  now: Date.now,
  steadyNow: performance.now,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
};

/** Waits until all promises that can go on have gone on. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** When each simulation begins. */
export const startTs = Date.UTC(2026, 0);

export class SimulatedClock {
  readonly server = new Life("server");
  /** Takes errors that a timer throws. */
  readonly #onError: (error: unknown) => void;
  readonly #heap: Timer[] = [];
  readonly #timers = new Map<number, Timer>();
  readonly #parked = new Map<Life, Timer[]>();
  #now = startTs;
  #life: Life = this.server;
  #lastId = 0;
  #order = 0;
  /** How many timers have fired at the present time. */
  #firedNow = 0;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Milliseconds since the start. */
  get ms(): number {
    return this.#now - startTs;
  }

  get life(): Life {
    return this.#life;
  }

  /** From now on, time passes only in `run`. Returns the function that restores the platform. */
  install(): () => void {
    const set =
      (isRepeated: boolean) =>
      (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const waitMs = Math.max(isRepeated ? 1 : 0, Number(ms) || 0);
        return this.#add(this.#life, waitMs, args.length > 0 ? () => callback(...args) : callback, isRepeated, true);
      };
    const clear = (id: unknown) => this.#clear(id as number);
    Date.now = () => this.#now + this.#life.aheadMs;
    performance.now = () => this.ms - this.#life.stoppedMs;
    const timers = { setInterval: set(true), clearInterval: clear, setTimeout: set(false), clearTimeout: clear };
    Object.assign(globalThis, timers);
    return () => {
      const { now, steadyNow, ...own } = platform;
      Date.now = now;
      performance.now = steadyNow;
      Object.assign(globalThis, own);
    };
  }

  /** Does something as a page or as the server: with its clock, and the timers that this sets are its own. */
  as<T>(life: Life, act: () => T): T {
    const before = this.#life;
    this.#life = life;
    try {
      return act();
    } finally {
      this.#life = before;
    }
  }

  /** Does something later, as a page or as the server. */
  after(life: Life, ms: number, act: () => void): void {
    this.#add(life, ms, act, false);
  }

  sleep(life: Life): void {
    if (life.state !== "awake") return;
    life.state = "asleep";
    life.asleepSinceTs = this.#now;
  }

  /** Everything that was due during the sleep happens now, in its order. Where time has stopped, own timers wait for their rest. */
  wake(life: Life): void {
    if (life.state !== "asleep") return;
    life.state = "awake";
    life.wokeMs = this.ms;
    if (life.stopsTime) this.#goOn(life);
    for (const timer of this.#parked.get(life) ?? []) {
      timer.dueTs = this.#now;
      timer.order = ++this.#order;
      if (!timer.isCleared) this.#push(timer);
    }
    this.#parked.delete(life);
  }

  #goOn(life: Life): void {
    life.stoppedMs += this.#now - life.asleepSinceTs;
    for (const [id, timer] of this.#timers) {
      if (timer.life !== life || !timer.isOwn) continue;
      const restMs = Math.max(0, timer.dueTs - Math.max(life.asleepSinceTs, timer.setTs));
      const moved: Timer = { ...timer, dueTs: this.#now + restMs, order: ++this.#order };
      // The one in the heap, or among the parked ones, is dropped there.
      timer.isCleared = true;
      timer.callback = nothing;
      this.#timers.set(id, moved);
      this.#push(moved);
    }
  }

  kill(life: Life): void {
    life.state = "dead";
    this.#parked.delete(life);
    for (const [id, timer] of this.#timers) if (timer.life === life) this.#clear(id);
  }

  /** The timers that a page or the server has set. */
  timersOf(life: Life): number {
    return [...this.#timers.values()].filter((timer) => timer.life === life).length;
  }

  /** Lets time pass, until `stop` returns true after a timer. */
  run(untilMs: number, stop: () => boolean): void {
    while (this.#next(untilMs)) if (stop()) return;
    this.#now = Math.max(this.#now, startTs + untilMs);
  }

  /** The same, where promises go on between two timers. */
  async runWithPromises(untilMs: number, stop: () => boolean): Promise<void> {
    await settled();
    while (this.#next(untilMs)) {
      await settled();
      if (stop()) return;
    }
    this.#now = Math.max(this.#now, startTs + untilMs);
  }

  /** Fires the next timer. Returns false if none is due. */
  #next(untilMs: number): boolean {
    for (;;) {
      const timer = this.#heap[0];
      if (!timer || timer.dueTs > startTs + untilMs) return false;
      this.#pop();
      if (timer.isCleared || timer.life.state === "dead") continue;
      if (timer.dueTs > this.#now) {
        this.#now = timer.dueTs;
        this.#firedNow = 0;
      }
      if (timer.life.state === "asleep") {
        const parked = this.#parked.get(timer.life);
        if (parked) parked.push(timer);
        else this.#parked.set(timer.life, [timer]);
        continue;
      }
      this.#firedNow += 1;
      if (this.#firedNow === busyLoop) this.#onError(new Error(`${busyLoop} timers at one time: a busy loop`));
      this.#fire(timer);
      return true;
    }
  }

  #fire(timer: Timer): void {
    if (timer.everyMs === undefined) this.#timers.delete(timer.id);
    this.#life = timer.life;
    try {
      timer.callback();
    } catch (error) {
      this.#onError(error);
    }
    // With promises, what goes on after the timer belongs to its page: it stays until the next timer.
    if (timer.everyMs === undefined || timer.isCleared) return;
    timer.dueTs = this.#now + timer.everyMs;
    timer.order = ++this.#order;
    this.#push(timer);
  }

  #add(life: Life, ms: number, callback: () => void, isRepeated: boolean, isOwn = false): number {
    const id = ++this.#lastId;
    if (life.state === "dead") return id;
    const everyMs = isRepeated ? ms : undefined;
    const dueTs = this.#now + ms;
    const order = ++this.#order;
    const timer: Timer = { id, life, isOwn, setTs: this.#now, dueTs, order, everyMs, callback, isCleared: false };
    this.#timers.set(id, timer);
    this.#push(timer);
    return id;
  }

  #clear(id: number): void {
    const timer = this.#timers.get(id);
    if (!timer) return;
    timer.isCleared = true;
    // It stays in the heap until its time, and must not hold on to anything.
    timer.callback = nothing;
    this.#timers.delete(id);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(timer, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

const nothing = () => {};

const isBefore = (a: Timer, b: Timer): boolean => a.dueTs < b.dueTs || (a.dueTs === b.dueTs && a.order < b.order);
