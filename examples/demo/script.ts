// Script: when each member of the demo joins, and how it leaves.
import type { EncryptedJoinOptions } from "matrixrtc-rx/encryption";

/** One member, with times since the start. */
export interface Role {
  readonly name: string;
  readonly joinsMs: number;
  readonly hangsUpMs?: number;
  /** Its page is stopped: it cannot leave. */
  readonly killedMs?: number;
}

export const cast: readonly Role[] = [
  { name: "alice", joinsMs: 0, hangsUpMs: 17_500 },
  { name: "bob", joinsMs: 1_500, killedMs: 11_500 },
  { name: "carl", joinsMs: 5_500, hangsUpMs: 9_000 },
];

/** The time that the chart shows, and the time after which the demo ends in any case. */
export const spanMs = 20_000;
export const longestMs = 28_000;

const useDelayMs = 1_000;
const delayedLeaveMs = 4_000;

/** Shorter than the defaults, so that everything happens within 20 seconds. */
export const joinOptions: EncryptedJoinOptions = {
  timing: { delayedLeaveMs, delayedLeaveRestartMs: 1_500 },
  keys: { rotation: { useDelayMs, graceMs: 2_500 } },
};

/**
 * The limits that must hold: the times of the options, and half a second for the network. A late joiner does not get the
 * key in use if that key is old, so it waits until the next key is in use.
 */
export const bounds = {
  keyWaitMs: useDelayMs + 500,
  exposureMs: useDelayMs + 500,
  killedGoneMs: delayedLeaveMs + 500,
};
