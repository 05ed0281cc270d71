// EarlyKeys: messages of devices whose members we do not see yet: keys that wait, and why keys were rejected. protocol.md 5.4,
// guarantee 25.
import type { Device } from "../matrix.ts";
import { sameDevice } from "./device.ts";
import type { KeyRejection } from "./trace.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** A message that came before its member. */
export interface EarlyMessage extends Device {
  readonly receivedTs: number;
  readonly key?: VerifiedKey;
  readonly rejected?: KeyRejection;
}

/** Sync and the decryption of a membership can take their time. */
const waitMs = 60_000;
const maxPerDevice = 10;
const maxPerUser = 100;
const maxTotal = 1_000;

export class EarlyKeys {
  readonly #isInRoom: (userId: string) => boolean;
  /** In the order of arrival. */
  #messages: readonly EarlyMessage[] = [];

  /** @param isInRoom Whether a user is in the room now. The messages of others go first if there are too many. */
  constructor(isInRoom: (userId: string) => boolean) {
    this.#isInRoom = isInRoom;
  }

  /** When the first message has waited for too long. */
  get dueTs(): number {
    const [first] = this.#messages;
    return first ? first.receivedTs + waitMs : Infinity;
  }

  has(device: Device): boolean {
    return this.#of(device).some(({ key }) => key);
  }

  /** Why the last key of a device was rejected. */
  rejectionOf(device: Device): KeyRejection | undefined {
    return this.#of(device).findLast(({ rejected }) => rejected)?.rejected;
  }

  /** The keys that wait, in the order of arrival. */
  keys(): readonly VerifiedKey[] {
    return this.#messages.flatMap(({ key }) => key ?? []);
  }

  /** Adds a message. Returns the message that a limit pushes out: no sender can push out the messages of all others. */
  add(message: EarlyMessage): EarlyMessage | undefined {
    this.#messages = [...this.#messages, message];
    const surplus = this.#surplus(message);
    if (surplus) this.#messages = this.#messages.filter((other) => other !== surplus);
    return surplus;
  }

  /** Removes and returns the keys for which `isWanted` is true, in the order of sending. */
  removeMatching(isWanted: (key: VerifiedKey) => boolean): readonly VerifiedKey[] {
    const keys = this.#messages.flatMap(({ key }) => (key && isWanted(key) ? key : []));
    const removed = new Set(keys);
    if (keys.length > 0) this.#messages = this.#messages.filter(({ key }) => !key || !removed.has(key));
    return keys.toSorted((a, b) => (a.sentTs ?? a.receivedTs) - (b.sentTs ?? b.receivedTs));
  }

  /** Removes the messages that have waited for too long, and returns their keys. */
  popDue(now: number): readonly VerifiedKey[] {
    if (now < this.dueTs) return [];
    const due = this.#messages.filter(({ receivedTs }) => receivedTs + waitMs <= now);
    this.#messages = this.#messages.slice(due.length);
    return due.flatMap(({ key }) => key ?? []);
  }

  #of(device: Device): readonly EarlyMessage[] {
    return this.#messages.filter((message) => sameDevice(message, device));
  }

  #surplus(message: EarlyMessage): EarlyMessage | undefined {
    const ofDevice = this.#of(message);
    if (ofDevice.length > maxPerDevice) return ofDevice[0];
    const ofUser = this.#messages.filter(({ userId }) => userId === message.userId);
    if (ofUser.length > maxPerUser) return ofUser[0];
    return this.#messages.length > maxTotal ? this.#oldestOfTheLargest() : undefined;
  }

  /** The oldest message of the user with the most. Users outside the room go first. */
  #oldestOfTheLargest(): EarlyMessage | undefined {
    const counts = new Map<string, number>();
    for (const { userId } of this.#messages) counts.set(userId, (counts.get(userId) ?? 0) + 1);
    const outsiders = [...counts].filter(([userId]) => !this.#isInRoom(userId));
    const candidates = new Map(outsiders.length > 0 ? outsiders : counts);
    const most = Math.max(...candidates.values());
    return this.#messages.find(({ userId }) => candidates.get(userId) === most);
  }
}
