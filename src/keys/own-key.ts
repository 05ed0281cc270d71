// OwnKey: one media key of ours, which devices may hold it, and which are still to get it. protocol.md 5.1, pitfall 23.
import type { Device } from "../matrix.ts";
import { deviceKey } from "./device.ts";
import { nextStep } from "./ratchet.ts";

/** A device that is to get a key. */
interface Due {
  readonly device: Device;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly ts: number;
}

/** A user with devices outside the call that may hold a key. */
interface Leaver {
  /** When each device left. The first to leave comes first. */
  readonly devices: Map<string, number>;
  /** When the first of the devices left that we no longer remember, or `Infinity`. */
  forgottenTs: number;
  /** When we saw that the user was kicked or banned, or `Infinity`. */
  removedTs: number;
}

/** How many devices of one leaver are remembered. */
const maxLeaverDevices = 100;

export class OwnKey {
  readonly keyIndex: number;
  readonly createdTs: number;
  /** When we start to encrypt with it. */
  readonly useTs: number;
  #key: Uint8Array<ArrayBuffer>;
  #step = 0;
  /** Devices that it was sent to, with the step. Each may hold it, even if the server reported a failure. */
  readonly #holders = new Map<string, number>();
  readonly #due = new Map<string, Due>();
  /** Users with holders that left the call. The first to leave comes first. */
  readonly #leavers = new Map<string, Leaver>();

  constructor(keyIndex: number, key: Uint8Array<ArrayBuffer>, createdTs: number, useTs: number) {
    this.keyIndex = keyIndex;
    this.#key = key;
    this.createdTs = createdTs;
    this.useTs = useTs;
  }

  /** The key at its present step. An earlier step is never given to anybody again. */
  get key(): Uint8Array<ArrayBuffer> {
    return this.#key;
  }

  /** How often it was ratcheted. */
  get step(): number {
    return this.#step;
  }

  ratchet(): void {
    this.#key = nextStep(this.#key);
    this.#step += 1;
  }

  /** How many steps a device has to derive from the last one that it was sent. */
  stepsBehind(device: Device): number {
    return this.#step - (this.#holders.get(deviceKey(device)) ?? this.#step);
  }

  /** A device needs a message: it is sent at `ts`, unless one is due already. */
  catchUp(device: Device, ts: number): void {
    if (!this.#due.has(deviceKey(device))) this.enqueue(device, ts);
  }

  mayBeHeldBy(device: Device): boolean {
    return this.#holders.has(deviceKey(device));
  }

  /** Since when a device outside the call may hold it. */
  get exposedSinceTs(): number | undefined {
    return earliest(this.#leavers, ({ devices, forgottenTs }) => Math.min(forgottenTs, ...devices.values()));
  }

  /** Since when a user who was kicked or banned may hold it. */
  get removedSinceTs(): number | undefined {
    return earliest(this.#leavers, ({ removedTs }) => removedTs);
  }

  /** When the next device is to get it. */
  get dueTs(): number {
    let soonest = Infinity;
    for (const { ts } of this.#due.values()) soonest = Math.min(soonest, ts);
    return soonest;
  }

  /** Sends it at `ts` to a device in the call, for the first time or once more. */
  enqueue(device: Device, ts: number): void {
    const { userId, deviceId } = device;
    const leaver = this.#leavers.get(userId);
    leaver?.devices.delete(deviceId);
    if (leaver?.devices.size === 0 && leaver.forgottenTs === Infinity) this.#leavers.delete(userId);
    this.#due.set(deviceKey(device), { device, attempt: 1, ts });
  }

  /** A device left the call: it gets nothing more. `isRemoved`: its user was kicked or banned. */
  cancel(device: Device, isRemoved: boolean, now: number): void {
    const { userId, deviceId } = device;
    this.#due.delete(deviceKey(device));
    if (!this.#holders.has(deviceKey(device))) return;
    const leaver = this.#leavers.get(userId) ?? { devices: new Map(), forgottenTs: Infinity, removedTs: Infinity };
    this.#leavers.set(userId, leaver);
    leaver.devices.set(deviceId, now);
    if (isRemoved) leaver.removedTs = Math.min(leaver.removedTs, now);
    const [oldest] = leaver.devices;
    if (leaver.devices.size <= maxLeaverDevices || !oldest) return;
    // Memory stays bounded: the key counts as exposed from that leave on.
    const [forgotten, leftTs] = oldest;
    leaver.devices.delete(forgotten);
    this.#holders.delete(deviceKey({ userId, deviceId: forgotten }));
    leaver.forgottenTs = Math.min(leaver.forgottenTs, leftTs);
  }

  /** Looks which leavers were kicked or banned. */
  checkRemoved(isRemoved: (userId: string) => boolean, now: number): void {
    for (const [userId, leaver] of this.#leavers)
      if (isRemoved(userId)) leaver.removedTs = Math.min(leaver.removedTs, now);
  }

  /** A message failed. It is sent again, unless the device has left or a first try is already due. */
  retry(device: Device, attempt: number, ts: number): void {
    const id = deviceKey(device);
    const hasLeft = this.#leavers.get(device.userId)?.devices.has(device.deviceId);
    if (!hasLeft && !this.#due.has(id)) this.#due.set(id, { device, attempt, ts });
  }

  /** It was not sent to a device, which therefore does not hold it. It is sent at `ts`. */
  withhold(device: Device, attempt: number, ts: number): void {
    const { userId, deviceId } = device;
    this.#holders.delete(deviceKey(device));
    const hasLeft = this.#leavers.get(userId)?.devices.delete(deviceId);
    if (!hasLeft && !this.#due.has(deviceKey(device))) this.#due.set(deviceKey(device), { device, attempt, ts });
  }

  /** Removes and returns the devices to send it to now, by the number of the attempt. They count as holders from here on. */
  popDue(now: number): ReadonlyMap<number, readonly Device[]> {
    const byAttempt = new Map<number, Device[]>();
    for (const [id, { device, attempt, ts }] of this.#due) {
      if (ts > now) continue;
      this.#due.delete(id);
      this.#holders.set(id, this.#step);
      const devices = byAttempt.get(attempt);
      if (devices) devices.push(device);
      else byAttempt.set(attempt, [device]);
    }
    return byAttempt;
  }
}

function earliest(leavers: ReadonlyMap<string, Leaver>, timeOf: (leaver: Leaver) => number): number | undefined {
  let earliestTs = Infinity;
  for (const leaver of leavers.values()) earliestTs = Math.min(earliestTs, timeOf(leaver));
  return earliestTs < Infinity ? earliestTs : undefined;
}
