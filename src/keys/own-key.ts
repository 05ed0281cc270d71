// OwnKey: one media key of ours, who may hold it, and who is still to get it. protocol.md 5.1, pitfall 23.
import type { Device } from "../matrix.ts";
import { deviceKey } from "./device.ts";

/** A device that is to get a key. */
interface Due {
  readonly device: Device;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly ts: number;
}

export class OwnKey {
  readonly keyIndex: number;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly createdTs: number;
  /** From when on we encrypt with it. */
  readonly useTs: number;
  /** Whom it was sent to. Each may hold it, whatever became of the message. */
  readonly #holders = new Set<string>();
  readonly #due = new Map<string, Due>();
  /** Holders that are out of the call, and since when: the first to go comes first. */
  readonly #leavers = new Map<string, number>();

  constructor(keyIndex: number, key: Uint8Array<ArrayBuffer>, createdTs: number, useTs: number) {
    this.keyIndex = keyIndex;
    this.key = key;
    this.createdTs = createdTs;
    this.useTs = useTs;
  }

  mayBeHeldBy(device: Device): boolean {
    return this.#holders.has(deviceKey(device));
  }

  /** Since when somebody out of the call may hold it. */
  get exposedSinceTs(): number | undefined {
    for (const ts of this.#leavers.values()) return ts;
    return undefined;
  }

  /** When the next device is to get it. */
  get dueTs(): number {
    let soonest = Infinity;
    for (const { ts } of this.#due.values()) soonest = Math.min(soonest, ts);
    return soonest;
  }

  /** A device in the call is to get it, for the first time or once more. */
  offer(device: Device, now: number): void {
    this.#leavers.delete(deviceKey(device));
    this.#due.set(deviceKey(device), { device, attempt: 1, ts: now });
  }

  /** A device is out of the call. */
  withdraw(device: Device, now: number): void {
    const id = deviceKey(device);
    this.#due.delete(id);
    if (this.#holders.has(id)) this.#leavers.set(id, now);
  }

  /** A message did not arrive. Nothing is owed to those who have left, nor to those who are to get it anyway. */
  retry(device: Device, attempt: number, ts: number): void {
    const id = deviceKey(device);
    if (!this.#leavers.has(id) && !this.#due.has(id)) this.#due.set(id, { device, attempt, ts });
  }

  /** Whom to send it to now, by the number of the attempt. From here on they count as holders. */
  take(now: number): ReadonlyMap<number, readonly Device[]> {
    const due = this.#due.size > 0 ? [...this.#due].filter(([, { ts }]) => ts <= now) : [];
    for (const [id] of due) {
      this.#due.delete(id);
      this.#holders.add(id);
    }
    const byAttempt = Map.groupBy(due, ([, { attempt }]) => attempt);
    return new Map([...byAttempt].map(([attempt, group]) => [attempt, group.map(([, { device }]) => device)]));
  }
}
