// OutgoingMedia: what we send now, as plain data. Mute, another device and a screen share are other values of it.
import type { MediaSource } from "./source.ts";

/** A track that we send. The library never stops it: the app that made it does. */
export interface OutgoingTrack<Track = MediaStreamTrack> {
  readonly track: Track;
  /** Nothing of it is sent, and the others see that. Default false. */
  readonly muted?: boolean;
}

/**
 * What we send now. A stream of such values drives a call: another value mutes, changes a device or shares the screen.
 *
 * @example
 * ```ts
 * import type { OutgoingMedia } from "matrixrtc-rx/webrtc";
 * import { BehaviorSubject } from "rxjs";
 *
 * const track = {} as MediaStreamTrack; // in an app: of getUserMedia
 * const media$ = new BehaviorSubject<OutgoingMedia>({ microphone: { track } });
 * media$.next({ microphone: { track, muted: true } });
 * console.assert(media$.value.microphone?.muted === true);
 * ```
 */
export type OutgoingMedia<Track = MediaStreamTrack> = { readonly [Source in MediaSource]?: OutgoingTrack<Track> };
