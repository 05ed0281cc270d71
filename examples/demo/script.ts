// Script: who joins the call of the demo, and how each of them leaves it.
import type { SessionJoinOptions } from "matrixrtc-rx";

/** One of the cast; times since the start. */
export interface Role {
  readonly name: string;
  readonly joinsMs: number;
  readonly hangsUpMs?: number;
  /** Its page is stopped, without a word to anybody. */
  readonly killedMs?: number;
}

export const cast: readonly Role[] = [
  { name: "alice", joinsMs: 0, hangsUpMs: 17_500 },
  { name: "bob", joinsMs: 1_500, killedMs: 11_500 },
  { name: "carl", joinsMs: 5_500, hangsUpMs: 9_000 },
];

/** The time that the chart has room for, and the time at which it is over whatever happens. */
export const spanMs = 20_000;
export const longestMs = 28_000;

const useDelayMs = 1_000;
const delayedLeaveMs = 4_000;

/** Shorter than the defaults, so that all of it happens within a demo. */
export const joinOptions: SessionJoinOptions = {
  timing: { delayedLeaveMs, delayedLeaveRestartMs: 1_500 },
  keys: { rotation: { useDelayMs, graceMs: 2_500 } },
};

/**
 * What has to come true: as the options say, and half a second for the network. One who joins late may not hear what was
 * said before, so waits until the new keys are in use.
 */
export const bounds = {
  keyWaitMs: useDelayMs + 500,
  exposureMs: useDelayMs + 500,
  killedGoneMs: delayedLeaveMs + 500,
};
