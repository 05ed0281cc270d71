// BySender: messages that wait, with limits for each device, for each user and in total. No sender can push out the others.
import type { Device } from "../matrix.ts";
import { sameDevice } from "./device.ts";

/** A message from a device. */
export interface Received extends Device {
  readonly receivedTs: number;
}

export interface Limits {
  readonly perDevice: number;
  readonly perUser: number;
  readonly total: number;
  /** How long a message waits. */
  readonly waitMs: number;
}

export class BySender<T extends Received> {
  readonly #limits: Limits;
  readonly #isInRoom: (userId: string) => boolean;
  /** In the order of arrival, and so are the messages of each user. */
  readonly #all = new Set<T>();
  readonly #byUser = new Map<string, Set<T>>();

  /** @param isInRoom Messages of users outside the room go first if there are too many. */
  constructor(limits: Limits, isInRoom: (userId: string) => boolean) {
    this.#limits = limits;
    this.#isInRoom = isInRoom;
  }

  get size(): number {
    return this.#all.size;
  }

  /** When the first message has waited for too long. */
  get dueTs(): number {
    for (const { receivedTs } of this.#all) return receivedTs + this.#limits.waitMs;
    return Infinity;
  }

  of(device: Device): readonly T[] {
    return [...(this.#byUser.get(device.userId) ?? [])].filter((message) => sameDevice(message, device));
  }

  /** Adds a message. Returns the message that a limit pushes out. */
  add(message: T): T | undefined {
    const ofUser = this.#byUser.get(message.userId) ?? new Set();
    this.#byUser.set(message.userId, ofUser.add(message));
    this.#all.add(message);
    const evicted = this.#surplus(message);
    if (evicted) this.remove(evicted);
    return evicted;
  }

  remove(message: T): void {
    this.#all.delete(message);
    const ofUser = this.#byUser.get(message.userId);
    ofUser?.delete(message);
    if (ofUser?.size === 0) this.#byUser.delete(message.userId);
  }

  /** Removes and returns the messages for which `isWanted` is true. */
  removeMatching(isWanted: (message: T) => boolean): readonly T[] {
    const wanted = [...this.#all].filter(isWanted);
    for (const message of wanted) this.remove(message);
    return wanted;
  }

  /** Removes and returns the messages that have waited for too long. */
  popDue(now: number): readonly T[] {
    return now < this.dueTs ? [] : this.removeMatching(({ receivedTs }) => receivedTs + this.#limits.waitMs <= now);
  }

  #surplus(message: T): T | undefined {
    const { perDevice, perUser, total } = this.#limits;
    const ofDevice = this.of(message);
    if (ofDevice.length > perDevice) return ofDevice[0];
    const ofUser = this.#byUser.get(message.userId);
    if (ofUser && ofUser.size > perUser) return first(ofUser);
    return this.#all.size > total ? this.#oldestOfTheLargest() : undefined;
  }

  /** The oldest message of the user with the most, among the users outside the room if there are any. */
  #oldestOfTheLargest(): T | undefined {
    const users = [...this.#byUser];
    const outsiders = users.filter(([userId]) => !this.#isInRoom(userId));
    let largest: Set<T> | undefined;
    for (const [, messages] of outsiders.length > 0 ? outsiders : users)
      if (messages.size > (largest?.size ?? 0)) largest = messages;
    return largest && first(largest);
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
