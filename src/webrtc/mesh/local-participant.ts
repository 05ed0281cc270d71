// LocalParticipant: our own media, in the same shape as that of the others.
import { asyncScheduler, catchError, EMPTY, interval, map, merge, type Observable, switchMap } from "rxjs";
import type { OutgoingMedia } from "../../media/outgoing.ts";
import type { MediaProblem, ParticipantTrack } from "../../media/participant.ts";
import { mediaSources } from "../../media/source.ts";
import { SpeakingDetector } from "../../media/speaking.ts";
import { behavior } from "../../rx/behavior.ts";
import type { PeerConnection } from "../peer-connection.ts";
import type { MediaBehaviors } from "./participant-media.ts";
import { sameItems } from "../../rx/stable.ts";

const levelEveryMs = 500;

/** What the local participant is made of. */
export interface LocalSource {
  readonly media: OutgoingMedia;
  readonly problem: MediaProblem | undefined;
  /** Any connection of ours: it knows the level of our microphone. */
  readonly peer: PeerConnection | undefined;
}

export function localMedia(read: () => LocalSource, changes$: Observable<unknown>): MediaBehaviors {
  const detector = new SpeakingDetector();
  let isSpeaking = false;
  const speaking$ = interval(levelEveryMs).pipe(
    switchMap(
      () =>
        read()
          .peer?.stats()
          .pipe(catchError(() => EMPTY)) ?? EMPTY,
    ),
    map(({ ownAudioLevel }) => {
      const { microphone } = read().media;
      const isMuted = microphone?.muted ?? microphone === undefined;
      isSpeaking = detector.hear(isMuted ? undefined : ownAudioLevel, asyncScheduler.now());
    }),
  );
  let tracks: readonly ParticipantTrack[] = [];
  const readTracks = () => {
    const now = tracksOf(read().media, tracks);
    return sameItems(now, tracks) ? tracks : (tracks = now);
  };
  return {
    connection$: behavior(() => "connected" as const, changes$),
    tracks$: behavior(readTracks, changes$),
    speaking$: behavior(() => isSpeaking, merge(changes$, speaking$)),
    quality$: behavior(() => "unknown" as const, changes$),
    encryption$: behavior(() => endToEnd, changes$),
    problem$: behavior(() => read().problem, changes$),
  };
}

const endToEnd = { status: "end-to-end", by: "transport" } as const;

function tracksOf(media: OutgoingMedia, last: readonly ParticipantTrack[]): readonly ParticipantTrack[] {
  return mediaSources.flatMap((source) => {
    const outgoing = media[source];
    if (!outgoing) return [];
    const { track, muted = false } = outgoing;
    const known = last.find((one) => one.source === source && one.muted === muted && one.track === track);
    return [known ?? { source, muted, track }];
  });
}
