// Timing: how long the parts of a negotiation may take. CS spec m.call.candidates; MSC2746.
import type { NegotiationTiming } from "./negotiation-model.ts";

/** For a call whose messages are events of a room: few, and candidates in the batches that the specification recommends. */
export const callTiming: NegotiationTiming = {
  firstMs: 200,
  unansweredMs: 2_000,
  answeredMs: 500,
  restMs: 0,
  connectMs: 20_000,
  restartAfterMs: 2_000,
  restartFailedMs: 0,
  restartAgainMs: 5_000,
  giveUpMs: 15_000,
  answerMs: Infinity,
};

/**
 * For a pair of a mesh, whose messages go from device to device: candidates follow at once. What is not urgent waits until
 * the pair is probably connected: each message costs the homeserver as much as a step of another pair.
 */
export const meshTiming: NegotiationTiming = {
  ...callTiming,
  firstMs: 20,
  unansweredMs: 200,
  answeredMs: 200,
  restMs: 1_500,
  answerMs: 15_000,
};
