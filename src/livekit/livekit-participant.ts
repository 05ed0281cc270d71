// LivekitParticipant: the media of one member over LiveKit, in the shape that all transports share.
import type { Observable } from "rxjs";
import type { MediaParticipant } from "../media/participant.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { TileSize } from "./wanted-layer.ts";
import type { SfuTrack } from "./sfu-room.ts";

/**
 * The media of one member over LiveKit. The same object for as long as the member is the same.
 *
 * @typeParam Track What plays a track: a `MediaStreamTrack` in browsers.
 */
export interface LivekitParticipant<Track = MediaStreamTrack> extends MediaParticipant<Track> {
  /** How loud its voice is, from 0 to 1. */
  readonly level$: Behavior<number>;
  /** Tracks whose source is none of the four of a call. They are received like the others. */
  readonly furtherTracks$: Behavior<readonly SfuTrack<Track>[]>;
  /**
   * Says how a tile shows a video of this member. That decides which layer is received, and whether any is. It counts while
   * subscribed to; the largest of several tiles decides. It outlives reconnects, and the next stay of the same device
   * in the call. Emits nothing, never completes, never fails.
   */
  show(source: "camera" | "screen_share", tile: TileSize | Observable<TileSize>): Observable<never>;
}
