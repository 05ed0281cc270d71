// PlayableTrack: which track of a participant a player should play.
import { behavior, type Behavior } from "../rx/behavior.ts";
import type { MediaParticipant } from "./participant.ts";
import type { MediaSource } from "./source.ts";

/**
 * The track to play of a participant: of the first of these sources that is received and not muted. It changes only with the
 * track, so that a player is not disturbed by anything else.
 *
 * @param sources For instance `"screen_share", "camera"`: the screen as long as it is shared, or else the camera.
 * @example
 * ```ts
 * import { type MediaParticipant, playableTrack } from "matrixrtc-rx/media";
 *
 * const play = (participant: MediaParticipant, video: { srcObject: MediaStream | null }) =>
 *   playableTrack(participant, "screen_share", "camera").subscribe(
 *     (track) => (video.srcObject = track ? new MediaStream([track]) : null),
 *   );
 * console.assert(typeof play === "function");
 * ```
 */
export const playableTrack = <Track>(
  { tracks$ }: Pick<MediaParticipant<Track>, "tracks$">,
  ...sources: readonly MediaSource[]
): Behavior<Track | undefined> =>
  behavior(
    () =>
      sources
        .map((wanted) => tracks$.value.find(({ source, muted }) => source === wanted && !muted)?.track)
        .find((track) => track !== undefined),
    tracks$,
  );
