// InstalledKeys: the newest keys of each participant in LiveKit, each at the step that it has there. protocol.md 6.6.
import type { KeyInfo } from "livekit-client";
import type { KeyStep } from "./key-steps.ts";

/** How many keys of each participant are kept for LiveKit rooms that connect later. */
const maxKeysPerParticipant = 4;
/** For how many participants. LiveKit sends all these keys to its worker for each published track. */
const maxParticipants = 1_000;

export interface InstalledKey extends KeyInfo, KeyStep {
  readonly key: CryptoKey;
  readonly participantIdentity: string;
  readonly keyIndex: number;
}

export class InstalledKeys {
  /** By identity. The identity with the newest key is last. */
  readonly #keys = new Map<string, readonly InstalledKey[]>();

  /** The keys of a participant, the newest last. */
  of(participantIdentity: string): readonly InstalledKey[] {
    return this.#keys.get(participantIdentity) ?? [];
  }

  /** All keys, without those of participants that are not among the known ones. */
  all(known: ReadonlySet<string> | undefined): KeyInfo[] {
    return Array.from(this.#keys).flatMap(([identity, keys]) => (!known || known.has(identity) ? keys : []));
  }

  forget(participantIdentity: string): void {
    this.#keys.delete(participantIdentity);
  }

  /**
   * Keeps a key as the newest one of its participant, in place of the one with its index.
   *
   * @param ownIdentity Its keys are kept above all limits.
   */
  set(key: InstalledKey, ownIdentity: string | undefined): void {
    const { participantIdentity } = key;
    const others = this.of(participantIdentity).filter(({ keyIndex }) => keyIndex !== key.keyIndex);
    this.forget(participantIdentity);
    this.#keys.set(participantIdentity, [...others, key].slice(-maxKeysPerParticipant));
    if (this.#keys.size <= maxParticipants) return;
    for (const identity of this.#keys.keys()) {
      if (identity === ownIdentity) continue;
      this.forget(identity);
      return;
    }
  }

  /** Keeps a later step of a key, in its place. */
  replace(key: InstalledKey, later: InstalledKey): void {
    const keys = this.of(key.participantIdentity).map((other) => (other === key ? later : other));
    this.#keys.set(key.participantIdentity, keys);
  }
}
