// UserMedia: a camera and a microphone for as long as they are subscribed to. W3C Media Capture and Streams.
import {
  catchError,
  concat,
  defer,
  finalize,
  fromEvent,
  map,
  merge,
  NEVER,
  type Observable,
  startWith,
  switchMap,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";

/**
 * Opens a microphone and a camera when subscribed to, and stops them when unsubscribed from. Emits what can be sent, and
 * again without a track whose device has gone. Give it as `media`, or combine it with what the user has muted.
 *
 * Fails with `unsupported` where there is no `getUserMedia` (an insecure page), and with `request-failed` if the browser
 * or the user refuses, with the browser's error as `cause`.
 *
 * @param constraints As for `getUserMedia`. Default: both.
 * @example
 * ```ts
 * import { userMedia } from "matrixrtc-rx/webrtc";
 *
 * userMedia({ audio: true }).subscribe({
 *   next: ({ microphone }) => console.assert(microphone !== undefined),
 *   error: ({ code }) => console.assert(code === "unsupported"), // outside of a browser
 * });
 * ```
 */
export function userMedia(
  constraints: MediaStreamConstraints = { audio: true, video: true },
): Observable<OutgoingMedia> {
  return openStream(constraints).pipe(
    switchMap((stream) =>
      merge(...stream.getTracks().map((track) => fromEvent(track, "ended"))).pipe(
        startWith(undefined),
        map(() => mediaOf(stream)),
      ),
    ),
  );
}

const openStream = (constraints: MediaStreamConstraints): Observable<MediaStream> =>
  defer(() => {
    const { mediaDevices } = globalThis.navigator ?? {};
    if (!mediaDevices) throw new RtcError("unsupported", "getUserMedia needs a browser and a secure page");
    const opening = mediaDevices.getUserMedia(constraints);
    return concat(opening, NEVER).pipe(
      catchError((cause: unknown) => {
        throw new RtcError("request-failed", "camera or microphone could not be opened", { cause });
      }),
      // A stream that is opened too late is closed as well.
      finalize(() => {
        opening.then(
          (stream) => stream.getTracks().forEach((track) => track.stop()),
          () => {},
        );
      }),
    );
  });

function mediaOf(stream: MediaStream): OutgoingMedia {
  const live = (tracks: readonly MediaStreamTrack[]) => tracks.find(({ readyState }) => readyState === "live");
  const [microphone, camera] = [live(stream.getAudioTracks()), live(stream.getVideoTracks())];
  return { ...(microphone && { microphone: { track: microphone } }), ...(camera && { camera: { track: camera } }) };
}
