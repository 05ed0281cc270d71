// SteadyTime: a time that nobody sets. Only the distance of two readings means something.
import { asyncScheduler } from "rxjs";

/** A source of time in milliseconds. */
export interface TimeSource {
  now: () => number;
}

/** Both clocks are read one after the other, so they may differ a little although they are the same. */
const sameMs = 1_000;

/**
 * The time that the page has run, by `performance.now()`. On some platforms it does not count the sleep of a machine. In the
 * virtual time of a TestScheduler, it is that time. `matrixrtc-rx/testing` replaces it on its devices.
 */
export const steadyTime: TimeSource = {
  now: () => {
    const wallTs = asyncScheduler.now();
    return Math.abs(Date.now() - wallTs) < sameMs ? performance.now() : wallTs;
  },
};
