// Publishing: sends our media in a room of rtc-node, and keeps it equal to what the app wants to send now.
import {
  type AudioSource,
  type LocalTrack,
  type LocalTrackPublication,
  TrackPublishOptions,
  TrackSource,
  type VideoSource,
} from "@livekit/rtc-node";
import { concatMap, filter, from, type Observable, startWith, switchMap, take } from "rxjs";
import { type MediaSource, mediaSources } from "../media/source.ts";
import { FailedConnection } from "./connection-failure.ts";
import type { RtcNode } from "./rtc-node.ts";
import type { LiveRoom } from "./sfu-connection.ts";

/** What feeds a track that we send. The app made it, writes frames into it, and closes it. */
export interface NodeOutgoingTrack {
  /** An `AudioSource` for the microphone and the audio of a shared screen, a `VideoSource` for pictures. */
  readonly source: AudioSource | VideoSource;
  /** Nothing of it is sent, and the others see that. Default false. */
  readonly muted?: boolean | undefined;
}

/**
 * What we send now. A stream of such values drives a call: another value mutes, or publishes and unpublishes tracks.
 *
 * @example
 * ```ts
 * import type { AudioSource } from "@livekit/rtc-node";
 * import type { NodeOutgoingMedia } from "matrixrtc-rx/livekit-node";
 * import { BehaviorSubject } from "rxjs";
 *
 * const source = {} as AudioSource; // in an app: new AudioSource(48_000, 1)
 * const outgoing$ = new BehaviorSubject<NodeOutgoingMedia>({ microphone: { source } });
 * outgoing$.next({ microphone: { source, muted: true } });
 * console.assert(outgoing$.value.microphone?.muted === true);
 * ```
 */
export type NodeOutgoingMedia = { readonly [Source in MediaSource]?: NodeOutgoingTrack | undefined };

interface Published {
  readonly source: NodeOutgoingTrack["source"];
  readonly track: LocalTrack;
  readonly publication: LocalTrackPublication;
  isMuted: boolean;
}

const trackSources: Readonly<Record<MediaSource, TrackSource>> = {
  microphone: TrackSource.SOURCE_MICROPHONE,
  camera: TrackSource.SOURCE_CAMERA,
  screen_share: TrackSource.SOURCE_SCREENSHARE,
  screen_share_audio: TrackSource.SOURCE_SCREENSHARE_AUDIO,
};

/** Publishes while subscribed, once we can encrypt. Fails if a track cannot be published. */
export function publishing(
  { rtc, isEncrypted }: { readonly rtc: RtcNode; readonly isEncrypted: boolean },
  live: LiveRoom,
  outgoing$: Observable<NodeOutgoingMedia>,
): Observable<unknown> {
  const published = new Map<MediaSource, Published>();
  const canPublish$ = live.changes$.pipe(
    startWith(undefined),
    filter(() => !isEncrypted || live.keys.canEncrypt),
    take(1),
  );
  return canPublish$.pipe(
    switchMap(() => outgoing$),
    concatMap((outgoing) => from(apply(outgoing))),
  );

  async function apply(outgoing: NodeOutgoingMedia): Promise<void> {
    try {
      for (const source of mediaSources) await applyOne(source, outgoing[source]);
    } catch (cause) {
      throw new FailedConnection("not-published", { cause });
    }
  }

  async function applyOne(source: MediaSource, wanted: NodeOutgoingTrack | undefined): Promise<void> {
    const { localParticipant } = live.room;
    let present = published.get(source);
    if (present && present.source !== wanted?.source) {
      published.delete(source);
      // The source belongs to the app, so it must not be closed with the track.
      await localParticipant?.unpublishTrack(present.publication.sid ?? "", false);
      present = undefined;
    }
    if (!wanted || !localParticipant) return;
    if (!present) {
      const track = rtc.createTrack(source, wanted.source);
      if (wanted.muted) rtc.setMuted(track, true);
      const publication = await localParticipant.publishTrack(
        track,
        new TrackPublishOptions({ source: trackSources[source] }),
      );
      published.set(source, { source: wanted.source, track, publication, isMuted: wanted.muted ?? false });
      live.keys.useOwnKey();
    } else if (present.isMuted !== (wanted.muted ?? false)) {
      present.isMuted = wanted.muted ?? false;
      rtc.setMuted(present.track, present.isMuted);
    }
  }
}
