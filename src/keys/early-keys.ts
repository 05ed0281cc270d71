// EarlyKeys: what came from a device before we see its member: keys, and the reasons why keys were rejected. protocol.md 5.4,
// pitfall 25.
import type { Device } from "../matrix.ts";
import { BySender, type Received } from "./by-sender.ts";
import type { KeyRejection } from "./trace.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** Sync and the decryption of a membership can take their time. */
const waitMs = 60_000;
const limits = { perDevice: 10, perUser: 100, total: 1_000, waitMs };

interface EarlyRejection extends Received {
  readonly reason: KeyRejection;
}

export class EarlyKeys {
  readonly #keys: BySender<VerifiedKey>;
  readonly #rejections: BySender<EarlyRejection>;

  /** @param isInRoom Whether a user is in the room now: keys of others wait only while there is space. */
  constructor(isInRoom: (userId: string) => boolean) {
    this.#keys = new BySender(limits, isInRoom);
    this.#rejections = new BySender({ ...limits, perDevice: 1 }, isInRoom);
  }

  get size(): number {
    return this.#keys.size;
  }

  /** When the first key has waited for too long. */
  get dueTs(): number {
    return this.#keys.dueTs;
  }

  has(device: Device): boolean {
    return this.#keys.of(device).length > 0;
  }

  /** Adds a key. Returns the key that a limit pushes out. */
  add(key: VerifiedKey): VerifiedKey | undefined {
    return this.#keys.add(key);
  }

  /** Removes and returns the keys for which `isWanted` is true, the last sent first. */
  removeMatching(isWanted: (key: VerifiedKey) => boolean): readonly VerifiedKey[] {
    return this.#keys
      .removeMatching(isWanted)
      .toReversed()
      .toSorted((a, b) => b.sentTs - a.sentTs);
  }

  /** Removes and returns the keys that have waited for too long. */
  popDue(now: number): readonly VerifiedKey[] {
    this.#rejections.popDue(now);
    return this.#keys.popDue(now);
  }

  reject({ userId, deviceId }: Device, reason: KeyRejection, receivedTs: number): void {
    this.#rejections.add({ userId, deviceId, reason, receivedTs });
  }

  /** Why the last key of a device was rejected, if that was a short time ago. */
  rejectionOf(device: Device, now: number): KeyRejection | undefined {
    return this.#rejections.of(device).find(({ receivedTs }) => now < receivedTs + waitMs)?.reason;
  }
}
