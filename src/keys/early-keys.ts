// EarlyKeys: messages of devices whose members we do not see yet: keys that wait, and why keys were rejected. Keys of
// the next stay of their device that came during the stay before wait for it, too. protocol.md 5.4, guarantee 25.
import type { Device } from "../matrix.ts";
import { sameDevice } from "./device.ts";
import { type NextKey, recentMs } from "./next-stay.ts";
import type { KeyRejection } from "./trace.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** A message that came before its member. */
export interface EarlyMessage extends Device {
  readonly receivedTs: number;
  readonly key?: VerifiedKey;
  readonly rejected?: KeyRejection;
  /** The key counted for a stay that has ended, although it was sent in the next one. */
  readonly isNext?: NextKey["isNext"];
}

/** A key that came before its member. */
export type EarlyKey = EarlyMessage & { readonly key: VerifiedKey };

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
    return first ? first.receivedTs + recentMs : Infinity;
  }

  has(device: Device): boolean {
    return this.#of(device).some(isWaiting);
  }

  /** Why the last key of a device was rejected. */
  rejectionOf(device: Device): KeyRejection | undefined {
    return this.#of(device).findLast(({ rejected }) => rejected)?.rejected;
  }

  /** The keys that wait for a member that we have not seen, in the order of arrival. */
  keys(): readonly VerifiedKey[] {
    return this.#messages.filter(isWaiting).map(({ key }) => key);
  }

  /** Adds a message. Returns the message that a limit pushes out: no sender can push out the messages of all others. */
  add(message: EarlyMessage): EarlyMessage | undefined {
    const later = this.#messages.findIndex(({ receivedTs }) => receivedTs > message.receivedTs);
    this.#messages = this.#messages.toSpliced(later < 0 ? this.#messages.length : later, 0, message);
    const surplus = this.#surplus(message);
    if (surplus) this.#messages = this.#messages.filter((other) => other !== surplus);
    return surplus;
  }

  /** Removes and returns the keys for which `isWanted` is true, in the order of sending. */
  removeMatching(isWanted: (key: VerifiedKey) => boolean): readonly EarlyKey[] {
    const removed = this.#messages.filter(hasKey).filter(({ key }) => isWanted(key));
    if (removed.length > 0) this.#messages = this.#messages.filter((message) => !removed.includes(message as EarlyKey));
    return removed.toSorted(({ key: a }, { key: b }) => (a.sentTs ?? a.receivedTs) - (b.sentTs ?? b.receivedTs));
  }

  /** Removes the messages that have waited for too long, and returns the keys that counted for nobody. */
  popDue(now: number): readonly VerifiedKey[] {
    if (now < this.dueTs) return [];
    const due = this.#messages.filter(({ receivedTs }) => receivedTs + recentMs <= now);
    this.#messages = this.#messages.slice(due.length);
    return due.filter(isWaiting).map(({ key }) => key);
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

const hasKey = (message: EarlyMessage): message is EarlyKey => message.key !== undefined;
/** Whether it counts for nobody yet. */
export const isWaiting = (message: EarlyMessage): message is EarlyKey => hasKey(message) && !message.isNext;
