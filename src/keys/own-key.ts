// OwnKey: one media key of ours, which devices may hold it, and which are still to get it. protocol.md 5.1, pitfall 23.
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
  /** When we start to encrypt with it. */
  readonly useTs: number;
  /** Devices that it was sent to. Each may hold it, even if the server reported a failure. */
  readonly #holders = new Set<string>();
  readonly #due = new Map<string, Due>();
  /** Holders that left the call, with the time of their leave. The first to leave comes first. */
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

  /** Since when a device outside the call may hold it. */
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

  /** Sends it to a device in the call, for the first time or once more. */
  enqueue(device: Device, now: number): void {
    this.#leavers.delete(deviceKey(device));
    this.#due.set(deviceKey(device), { device, attempt: 1, ts: now });
  }

  /** A device left the call: it gets nothing more. */
  cancel(device: Device, now: number): void {
    const id = deviceKey(device);
    this.#due.delete(id);
    if (this.#holders.has(id)) this.#leavers.set(id, now);
  }

  /** A message failed. It is sent again, unless the device has left or a first try is already due. */
  retry(device: Device, attempt: number, ts: number): void {
    const id = deviceKey(device);
    if (!this.#leavers.has(id) && !this.#due.has(id)) this.#due.set(id, { device, attempt, ts });
  }

  /** Removes and returns the devices to send it to now, by the number of the attempt. They count as holders from here on. */
  popDue(now: number): ReadonlyMap<number, readonly Device[]> {
    const byAttempt = new Map<number, Device[]>();
    for (const [id, { device, attempt, ts }] of this.#due) {
      if (ts > now) continue;
      this.#due.delete(id);
      this.#holders.add(id);
      const devices = byAttempt.get(attempt);
      if (devices) devices.push(device);
      else byAttempt.set(attempt, [device]);
    }
    return byAttempt;
  }
}
