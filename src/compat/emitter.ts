// Emitter: listeners by event name, with the methods of the emitters that matrix-js-sdk extends.

// oxlint-disable-next-line typescript/no-explicit-any
type Listener = (...args: any[]) => void;
/** The arguments of each event. */
export type EventMap = { readonly [name: string]: Listener };

interface Entry {
  readonly listener: Listener;
  readonly isOnce: boolean;
}

/** Calls listeners when something happens. It has the methods of Node's `EventEmitter` that apps use. */
export class Emitter<Events extends EventMap> {
  readonly #entries = new Map<string, readonly Entry[]>();

  /** Adds a listener. */
  on<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    return this.#add(event, { listener, isOnce: false }, false);
  }

  /** Adds a listener that is called once. */
  once<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    return this.#add(event, { listener, isOnce: true }, false);
  }

  /** Removes a listener. */
  off<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    const entries = this.#of(event);
    const index = entries.findLastIndex((entry) => entry.listener === listener);
    if (index >= 0) this.#set(event, entries.toSpliced(index, 1));
    return this;
  }

  /** The same as `on`. */
  addListener<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    return this.on(event, listener);
  }

  /** The same as `off`. */
  removeListener<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    return this.off(event, listener);
  }

  /** Adds a listener that is called before the others. */
  prependListener<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    return this.#add(event, { listener, isOnce: false }, true);
  }

  /** Adds a listener that is called once, before the others. */
  prependOnceListener<E extends keyof Events & string>(event: E, listener: Events[E]): this {
    return this.#add(event, { listener, isOnce: true }, true);
  }

  /** Removes all listeners of an event, or all listeners. */
  removeAllListeners(event?: keyof Events & string): this {
    if (event === undefined) this.#entries.clear();
    else this.#entries.delete(event);
    return this;
  }

  /** Calls the listeners of an event in their order. Returns whether there was one. */
  emit<E extends keyof Events & string>(event: E, ...args: Parameters<Events[E]>): boolean {
    const entries = this.#of(event);
    for (const entry of entries) {
      if (entry.isOnce)
        this.#set(
          event,
          this.#of(event).filter((other) => other !== entry),
        );
      entry.listener.apply(this, args);
    }
    return entries.length > 0;
  }

  /** Calls the listeners of an event, and waits for all of them. Resolves to whether there was one. */
  async emitPromised<E extends keyof Events & string>(event: E, ...args: Parameters<Events[E]>): Promise<boolean> {
    const listeners = this.listeners(event);
    await Promise.allSettled(listeners.map(async (listener) => listener(...args)));
    return listeners.length > 0;
  }

  /** How many listeners an event has. */
  listenerCount(event: keyof Events & string): number {
    return this.#of(event).length;
  }

  /** The listeners of an event. */
  listeners(event: keyof Events & string): Listener[] {
    return this.#of(event).map(({ listener }) => listener);
  }

  /** The same as `listeners`. */
  rawListeners(event: keyof Events & string): Listener[] {
    return this.listeners(event);
  }

  /** The names of the events that have listeners. */
  eventNames(): string[] {
    return [...this.#entries.keys()];
  }

  /** Has no effect: the number of listeners has no limit. */
  setMaxListeners(_count: number): this {
    return this;
  }

  /** The number of listeners has no limit. */
  getMaxListeners(): number {
    return Infinity;
  }

  #of(event: string): readonly Entry[] {
    return this.#entries.get(event) ?? [];
  }

  #add(event: string, entry: Entry, isFirst: boolean): this {
    const entries = this.#of(event);
    return this.#set(event, isFirst ? [entry, ...entries] : [...entries, entry]);
  }

  #set(event: string, entries: readonly Entry[]): this {
    if (entries.length > 0) this.#entries.set(event, entries);
    else this.#entries.delete(event);
    return this;
  }
}
