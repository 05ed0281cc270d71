// Frames: the decoded sound and pictures of a received track.
import { type AudioFrame, AudioStream, type VideoFrameEvent, VideoStream } from "@livekit/rtc-node";
import { EMPTY, Observable } from "rxjs";
import { isReceived, type NodeTrack } from "./node-track.ts";

/** The form in which sound is wanted. rtc-node converts it. */
export interface AudioFormat {
  /** Samples in a second. Default 48,000. */
  readonly sampleRate?: number | undefined;
  /** Default 1. */
  readonly channels?: number | undefined;
  /** The length of a frame. Default 10. */
  readonly frameMs?: number | undefined;
}

/**
 * The sound of a received audio track: frames of 16-bit samples, silence included.
 *
 * Cold: each subscriber decodes for itself. It completes when the track ends, and at once for what we
 * send ourselves. A subscriber that is slower than the sound
 * makes memory grow.
 *
 * @example
 * ```ts
 * import { audioFrames, type NodeTrack } from "matrixrtc-rx/livekit-node";
 *
 * const track = {} as NodeTrack; // in an app: of tracks$ of a participant
 * const sound$ = audioFrames(track, { sampleRate: 16_000 });
 * console.assert(typeof sound$.subscribe === "function");
 * ```
 */
export function audioFrames(track: NodeTrack, format: AudioFormat = {}): Observable<AudioFrame> {
  const { sampleRate = 48_000, channels = 1, frameMs = 10 } = format;
  return isReceived(track)
    ? framesOf(() => new AudioStream(track, { sampleRate, numChannels: channels, frameSizeMs: frameMs }))
    : EMPTY;
}

/**
 * The pictures of a received video track.
 *
 * Cold: each subscriber decodes for itself. It completes when the track ends, and at once for what we
 * send ourselves.
 *
 * @example
 * ```ts
 * import { type NodeTrack, videoFrames } from "matrixrtc-rx/livekit-node";
 *
 * const track = {} as NodeTrack; // in an app: of tracks$ of a participant
 * const picture$ = videoFrames(track);
 * console.assert(typeof picture$.subscribe === "function");
 * ```
 */
export function videoFrames(track: NodeTrack): Observable<VideoFrameEvent> {
  return isReceived(track) ? framesOf(() => new VideoStream(track)) : EMPTY;
}

/** Reads a stream of rtc-node. Cancelling its reader frees the native part. */
function framesOf<T>(open: () => ReadableStream<T>): Observable<T> {
  return new Observable((subscriber) => {
    const reader = open().getReader();
    const read = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await reader.read();
        if (subscriber.closed) return;
        if (done) return subscriber.complete();
        subscriber.next(value);
      }
    };
    read().catch((error: unknown) => subscriber.error(error));
    return () => void reader.cancel().catch(() => {});
  });
}
