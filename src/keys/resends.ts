// Resends: when a device may get a key again: no more often than every 5 s, for whatever reason. docs/budgets-keys.md.
import type { Device } from "../matrix.ts";
import { setNewest } from "../rx/stable.ts";
import { deviceKey } from "./device.ts";

const minPauseMs = 5_000;
/** How many devices are remembered: more than a call has. */
const maxDevices = 1_000;

export class Resends {
  /** When each device got a key again, or is going to. */
  readonly #resentTs = new Map<string, number>();

  /** The next time for a device: the one that is planned already, or after the pause. */
  nextTs(device: Device, now: number): number {
    const lastTs = this.#resentTs.get(deviceKey(device)) ?? -Infinity;
    return lastTs > now ? lastTs : Math.max(now, lastTs + minPauseMs);
  }

  note(device: Device, ts: number): void {
    setNewest(this.#resentTs, deviceKey(device), ts, maxDevices);
  }
}
