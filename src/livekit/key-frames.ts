// KeyFrames: asks our video encoders for a key frame after each change of our key. protocol.md 5.9.
import type { Room } from "livekit-client";
import { ignoreElements, merge, mergeMap, type Observable, tap, timer } from "rxjs";

/** By then LiveKit's worker encrypts with the new key or step. */
const afterMs = 100;
/** A joiner has our key by one of these times, and it has asked the SFU for our video. */
export const reachedMs: readonly number[] = [150, 400];

/**
 * A joiner has the new key alone: what came before cannot be decrypted, and what follows needs a key frame. It asks for one
 * itself, but an SFU passes on one request in half a second.
 *
 * Audio that is encrypted with a step can overtake video that is encrypted with the step before. The receivers, which keep one
 * key for each index, cannot decrypt that video any more. Without a key frame, their picture stops for up to 3 s.
 */
export function keyFramesAfter(
  changed$: Observable<unknown>,
  { localParticipant }: { readonly localParticipant?: Pick<Room["localParticipant"], "videoTrackPublications"> },
  waitsMs: readonly number[] = [afterMs],
): Observable<never> {
  return changed$.pipe(
    mergeMap(() => merge(...waitsMs.map((waitMs) => timer(waitMs)))),
    tap(() => {
      for (const { track } of localParticipant?.videoTrackPublications.values() ?? [])
        if (track?.sender) void requestKeyFrame(track.sender).catch(() => {});
    }),
    ignoreElements(),
  );
}

/** Browsers that do not know the second argument (WebRTC extensions, 2024) change nothing. */
async function requestKeyFrame(sender: RTCRtpSender): Promise<void> {
  const parameters = sender.getParameters();
  const options = { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) };
  // TypeScript does not have the second argument yet.
  await (sender.setParameters as (...args: readonly unknown[]) => Promise<void>).call(sender, parameters, options);
}
