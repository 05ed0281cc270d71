// Counters: count timers, hashes, reads of a field, and listeners.
import type { EventEmitter } from "node:events";
import { _SHA256 } from "@noble/hashes/sha2.js";
import type { MatrixClient } from "matrix-js-sdk";
import type { RawEvent } from "./call-events.ts";

/** Counts the timers of the process, from its construction until `stop`. */
export class TimerCount {
  /** The number of timers that were set. */
  armed = 0;
  readonly #waiting = new Set<unknown>();
  readonly #restore: () => void;

  /** The number of timers that wait now. */
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

/** Counts SHA-256 digests, by us or by WebCrypto for the SDK, from its construction until `stop`. */
export class HashCount {
  count = 0;
  readonly #restore: () => void;

  constructor() {
    const { digestInto } = _SHA256.prototype;
    const { subtle } = globalThis.crypto;
    const note = () => (this.count += 1);
    _SHA256.prototype.digestInto = function (out) {
      note();
      digestInto.call(this, out);
    };
    const digest: typeof subtle.digest = (...args) => {
      note();
      return SubtleCrypto.prototype.digest.apply(subtle, args);
    };
    Object.defineProperty(subtle, "digest", { value: digest, configurable: true });
    this.#restore = () => {
      _SHA256.prototype.digestInto = digestInto;
      Reflect.deleteProperty(subtle, "digest");
    };
  }

  stop(): void {
    this.#restore();
  }
}

/** An event that counts the reads of one field of its content. */
export function counting(event: RawEvent, field: string, onRead: () => void): RawEvent {
  const value = event.content[field];
  const content = Object.defineProperty({ ...event.content }, field, {
    enumerable: true,
    get: () => {
      onRead();
      return value;
    },
  });
  return { ...event, content };
}

/** The number of listeners of a client, its rooms and their states. */
export function listenersOf(client: MatrixClient): number {
  const emitters: Pick<EventEmitter, "eventNames" | "listenerCount">[] = [client];
  for (const room of client.getRooms()) emitters.push(room, room.currentState);
  return emitters.reduce(
    (sum, emitter) => emitter.eventNames().reduce((ofOne, name) => ofOne + emitter.listenerCount(name), sum),
    0,
  );
}
