// Counting what is done rather than believing it: timers, hashes, reads of a field, listeners.
import type { EventEmitter } from "node:events";
import type { MatrixClient } from "matrix-js-sdk";

/** The timers of the process, from `startCounting` on. */
export class TimerCount {
  /** How many were set. */
  armed = 0;
  readonly #waiting = new Set<unknown>();
  readonly #restore: () => void;

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  constructor() {
    const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
    const note = <T>(timer: T): T => {
      this.armed += 1;
      this.#waiting.add(timer);
      return timer;
    };
    const set =
      (wait: typeof setTimeout, isOnce: boolean) =>
      (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
        const timer = note(
          wait(() => {
            if (isOnce) this.#waiting.delete(timer);
            callback(...args);
          }, ms),
        );
        return timer;
      };
    const clear = (stop: typeof clearTimeout) => (timer: NodeJS.Timeout) => {
      this.#waiting.delete(timer);
      stop(timer);
    };
    Object.assign(globalThis, {
      setTimeout: set(setTimeout, true),
      setInterval: set(setInterval as unknown as typeof setTimeout, false),
      clearTimeout: clear(clearTimeout),
      clearInterval: clear(clearInterval),
    });
    this.#restore = () => Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval });
  }

  stop(): void {
    this.#restore();
  }
}

/** How many listeners a client, its rooms and their states have. */
export function listenersOf(client: MatrixClient): number {
  const emitters: Pick<EventEmitter, "eventNames" | "listenerCount">[] = [client];
  for (const room of client.getRooms()) emitters.push(room, room.currentState);
  return emitters.reduce(
    (sum, emitter) => emitter.eventNames().reduce((ofOne, name) => ofOne + emitter.listenerCount(name), sum),
    0,
  );
}
