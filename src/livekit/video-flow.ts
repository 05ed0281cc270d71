// VideoFlow: when a video of an encrypted call may come, so that its first picture comes soon after its key. Pure. docs/media.md.

/** What decides when a video comes. */
export interface VideoFlow {
  /** It comes from then on, once it can be decrypted. */
  readonly openTs: number;
  /** It comes for a moment then, if it still waits for its key. Undefined while its member is not there. */
  readonly seedTs: number | undefined;
}

/**
 * LiveKit passes on one request for a key frame in half a second. A request is lost if LiveKit has not seen the video yet. So a
 * new video comes only after this time, and nothing asks for a key frame before the key is there.
 *
 * A client that has its own key only once it sees its membership loses the first key frame of its video, and LiveKit drops such
 * a video until the next one. So a video that was there before its member comes for a moment, this time after the member: LiveKit
 * then asks for a key frame, and has seen one when the key comes.
 *
 * A picture is refreshed by a pause of this time. LiveKit pauses a video after 100 ms, and asks for a key frame when it goes on.
 */
const quietMs = 150;
const seedMs = 100;

export interface VideoNow {
  /** It was there when we connected. */
  readonly isOld: boolean;
  readonly isMember: boolean;
  /** Its key has come after its media. */
  readonly isRefreshed: boolean;
  readonly now: number;
}

export const nextFlow = (
  before: VideoFlow | undefined,
  { isOld, isMember, isRefreshed, now }: VideoNow,
): VideoFlow => ({
  openTs: isRefreshed ? now + quietMs : (before?.openTs ?? (isOld ? now : now + quietMs)),
  seedTs: before?.seedTs ?? (isMember ? (before ? now + quietMs : Infinity) : undefined),
});

/** Whether it comes now, and when that changes. */
export function flowNow(
  { openTs, seedTs = Infinity }: VideoFlow,
  isHeld: boolean,
  now: number,
): readonly [boolean, number] {
  const [fromTs, untilTs] = isHeld ? [seedTs, seedTs + seedMs] : [openTs, Infinity];
  return now < fromTs ? [false, fromTs] : now < untilTs ? [true, untilTs] : [false, Infinity];
}
