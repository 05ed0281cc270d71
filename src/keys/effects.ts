// Effects: what a step of the exchange of keys asks for. protocol.md 5.
import type { EncryptionKey } from "../types.ts";
import type { Delivery } from "./delivery.ts";
import type { KeyCounts } from "./statistics.ts";
import type { KeyTrace } from "./trace.ts";

/** Something to trace and to count. The two do not depend on each other. */
export interface Note {
  readonly kind: "note";
  readonly entry: KeyTrace;
  readonly counts: KeyCounts;
}

export function note(entry: KeyTrace, counts: KeyCounts = {}): Note {
  return { kind: "note", entry, counts };
}

/** What the session learns from the exchange of keys. */
export type KeysEvent =
  /** A key to install now. */
  | { readonly kind: "key"; readonly key: EncryptionKey }
  /** Peers send media, but not their keys: our membership has to be renewed, so that they see us join. */
  | { readonly kind: "keys-unanswered" };

/** Effects of a step, to perform in their order. */
export type ExchangeEffect = Note | KeysEvent | { readonly kind: "send"; readonly delivery: Delivery };

/** Collects the effects of a step. */
export class EffectList {
  #effects: ExchangeEffect[] = [];

  note(entry: KeyTrace, counts?: KeyCounts): void {
    this.add(note(entry, counts));
  }

  add(effect: ExchangeEffect): void {
    this.#effects.push(effect);
  }

  /** Removes and returns all of them. */
  take(): readonly ExchangeEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
