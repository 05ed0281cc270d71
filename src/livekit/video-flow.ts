// VideoFlow: when a video of an encrypted call may come, so that its first picture comes soon after its key. Pure. docs/media.md.

/** From when, and until when. */
export type Flow = readonly [fromTs: number, untilTs: number];

/**
 * LiveKit passes on one request for a key frame in half a second, and a request is lost if it has not seen the video yet. So a
 * new video comes only after this time. Before it is decrypted, nothing must ask for its key frame.
 */
const settleMs = 200;

/**
 * A client that has its own key only once it sees its membership loses the first key frame of its video. LiveKit drops such a
 * video until the next one. So a video that was there before its member comes for a moment, soon after the member has come.
 * LiveKit then asks for a key frame, and has seen one when the key comes.
 */
const seed = { afterMs: 150, forMs: 100 };

/** A video that can be decrypted. `pausedUntilTs`: it is refreshed. */
export const flowOfOpen = (cameTs: number, pausedUntilTs: number): Flow => [
  Math.max(cameTs + settleMs, pausedUntilTs),
  Infinity,
];

/** A video that waits for its key. */
export function flowOfHeld(cameTs: number, memberTs: number): Flow {
  const fromTs = cameTs < memberTs ? memberTs + seed.afterMs : Infinity;
  return [fromTs, fromTs + seed.forMs];
}
