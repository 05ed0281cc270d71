// Place: where code runs: on a device, with the clock and the timers of that device, or outside of all devices.
import { asyncScheduler, type SchedulerAction, type Subscription, VirtualTimeScheduler } from "rxjs";
import { steadyTime } from "../../rx/steady-time.ts";

/** What a scheduler calls. */
export type Work<T> = (this: SchedulerAction<T>, state?: T) => void;

/** A device that runs code. */
export interface Place {
  /** The time by its clock. */
  now(): number;
  /** The time by which its timers count: it goes on however its clock is set. */
  steadyNow(): number;
  /** Sets a timer of it. */
  schedule<T>(work: Work<T>, delayMs: number, state?: T): Subscription;
  /** Runs code on it now, or when it is awake again, or never if it is dead. */
  perform(code: () => void): void;
}

let present: Place | undefined;

/** Runs code in a place. Timers that it sets, and code that these call, run in the same place. */
export function inside<T>(place: Place | undefined, code: () => T): T {
  const before = present;
  present = place;
  try {
    return code();
  } finally {
    present = before;
  }
}

export const outside = <T>(code: () => T): T => inside(undefined, code);

/** The place of the code that calls this. */
export const presentPlace = (): Place | undefined => present;

/** The time outside of all devices. */
export let outerNow: () => number = () => asyncScheduler.now();

let isInstalled = false;

/**
 * Makes `asyncScheduler` ask the present place for the time and for timers. Outside of all devices it works as before.
 *
 * `asyncScheduler` is the default of all operators that wait. So code that runs on a device needs no change. Marbles that
 * are subscribed to on a device also emit on that device, hence the `VirtualTimeScheduler`.
 */
export function installPlaces(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { now, schedule } = asyncScheduler;
  outerNow = now;
  asyncScheduler.now = () => (present ? present.now() : now());
  const steadyNow = steadyTime.now;
  steadyTime.now = () => (present ? present.steadyNow() : steadyNow());
  asyncScheduler.schedule = <T>(work: Work<T>, delayMs = 0, state?: T) =>
    present
      ? present.schedule(work, delayMs, state)
      : schedule.call(asyncScheduler, work as Work<unknown>, delayMs, state);
  const { prototype } = VirtualTimeScheduler;
  const scheduleVirtual = prototype.schedule;
  prototype.schedule = function scheduleInPlace<T>(this: VirtualTimeScheduler, work: Work<T>, delayMs = 0, state?: T) {
    const place = present;
    if (!place) return scheduleVirtual.call(this, work as Work<unknown>, delayMs, state);
    const there = function there(this: SchedulerAction<unknown>, value: unknown) {
      place.perform(() => work.call(this as SchedulerAction<T>, value as T));
    };
    return scheduleVirtual.call(this, there, delayMs, state);
  };
}
