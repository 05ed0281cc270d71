// NextStep: who waits for the next step of our key, when it is due, and whether joins still make steps. protocol.md 5.9.
import type { Device } from "../matrix.ts";
import { deviceKey } from "./device.ts";

/** The shortest time between two steps. livekit-client follows one step at a time, and needs a frame of each. */
const minStepMs = 1_000;

export class NextStep {
  /** Whether a join makes a step, and not a new key. */
  isWanted: boolean;
  /** Joiners that get the key in use with its next step. */
  readonly #joiners = new Map<string, Device>();
  #lastTs = -Infinity;
  /** Devices that had to request a step which they should have derived. */
  readonly #stragglers = new Set<string>();

  constructor(isWanted: boolean) {
    this.isWanted = isWanted;
  }

  get dueTs(): number {
    return this.#joiners.size > 0 ? this.#lastTs + minStepMs : Infinity;
  }

  add(joiner: Device): void {
    this.#joiners.set(deviceKey(joiner), joiner);
  }

  remove(device: Device): void {
    this.#joiners.delete(deviceKey(device));
    this.#stragglers.delete(deviceKey(device));
  }

  /** Removes and returns the joiners. */
  popJoiners(): readonly Device[] {
    const joiners = [...this.#joiners.values()];
    this.#joiners.clear();
    return joiners;
  }

  /** A step is made. */
  note(now: number): void {
    this.#lastTs = now;
  }

  /** A device needs a message for steps that it should derive. Returns true if that ends the steps: it happened before. */
  noteStraggler(device: Device): boolean {
    const isEnd = this.isWanted && this.#stragglers.has(deviceKey(device));
    this.#stragglers.add(deviceKey(device));
    this.isWanted &&= !isEnd;
    return isEnd;
  }
}
