// EarlyMessages: messages that came before the membership of their sender, or before ours: not too many, not for ever.
import type { MeshMessage } from "./envelope.ts";
import { isSameDevice } from "./peer-id.ts";

interface Held {
  readonly message: MeshMessage;
  readonly untilTs: number;
}

/** To-device messages and room events are different streams: either may be late by a sync, or by a bad connection. */
const patienceMs = 60_000;
const mostPerDevice = 64;
const most = 512;
const mostBytes = 2 * 1024 * 1024;

export class EarlyMessages {
  /** In the order in which they came. */
  #held: readonly Held[] = [];

  get size(): number {
    return this.#held.length;
  }

  /** When the first one has waited for too long. */
  get deadlineTs(): number {
    return this.#held[0]?.untilTs ?? Infinity;
  }

  /** Keeps a message, and returns those that have to go because of it, the oldest first. */
  add(message: MeshMessage, now: number): readonly MeshMessage[] {
    this.#held = [...this.#held, { message, untilTs: now + patienceMs }];
    const ofDevice = this.#held.filter((held) => isSameDevice(held.message.from, message.from));
    const surplus = new Set(ofDevice.slice(0, -mostPerDevice));
    let bytes = this.#held.reduce((sum, held) => sum + held.message.bytes, 0);
    for (const held of this.#held) {
      if (this.#held.length - surplus.size <= most && bytes <= mostBytes) break;
      surplus.add(held);
      bytes -= held.message.bytes;
    }
    return this.#remove((held) => surplus.has(held));
  }

  /** Removes and returns those that are wanted, in the order in which they came. */
  take(isWanted: (message: MeshMessage) => boolean): readonly MeshMessage[] {
    return this.#remove(({ message }) => isWanted(message));
  }

  /** Removes and returns those that have waited for too long. */
  takeExpired(now: number): readonly MeshMessage[] {
    return this.#remove(({ untilTs }) => untilTs <= now);
  }

  #remove(isGone: (held: Held) => boolean): readonly MeshMessage[] {
    const gone = this.#held.filter(isGone);
    if (gone.length > 0) this.#held = this.#held.filter((held) => !gone.includes(held));
    return gone.map(({ message }) => message);
  }
}
