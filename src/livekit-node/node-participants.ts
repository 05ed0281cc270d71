// NodeParticipants: the participants and tracks of a room of rtc-node, in the form that the media layer reads. Pure.
import {
  ConnectionQuality,
  EncryptionType,
  type Participant,
  type RemoteTrack,
  type Room,
  TrackKind,
  type TrackPublication,
  TrackSource,
} from "@livekit/rtc-node";
import type { SfuParticipant, SfuTrack } from "../livekit/sfu-room.ts";
import type { MediaQuality } from "../media/participant.ts";
import type { MediaSource } from "../media/source.ts";
import type { NodeTrack } from "./node-track.ts";

/** What rtc-node reports in events alone. */
export interface Signals {
  /** The identities of those who speak now. */
  readonly speakers: ReadonlySet<string>;
  readonly qualities: ReadonlyMap<string, ConnectionQuality>;
}

export function participantsIn(
  { remoteParticipants }: Room,
  signals: Signals,
): ReadonlyMap<string, SfuParticipant<NodeTrack>> {
  return new Map(
    Array.from(remoteParticipants.values(), (one) => {
      const tracks = Array.from(one.trackPublications.values(), trackOf);
      return [one.identity, participantOf(one, tracks, signals)];
    }),
  );
}

export const localIn = ({ localParticipant }: Room, signals: Signals): SfuParticipant<NodeTrack> | undefined =>
  localParticipant && participantOf(localParticipant, [], signals);

function participantOf(
  { identity }: Participant,
  tracks: readonly SfuTrack<NodeTrack>[],
  { speakers, qualities }: Signals,
): SfuParticipant<NodeTrack> {
  const quality = qualities.get(identity);
  const speaking = speakers.has(identity);
  // rtc-node reports speakers without their levels.
  return {
    identity,
    tracks,
    speaking,
    level: speaking ? 1 : 0,
    quality: quality === undefined ? "unknown" : mediaQualities[quality],
  };
}

function trackOf({
  sid = "",
  kind,
  source,
  muted = false,
  encryptionType,
  track,
}: TrackPublication): SfuTrack<NodeTrack> {
  return {
    sid,
    kind: kind === TrackKind.KIND_AUDIO ? "audio" : "video",
    source: (source !== undefined && mediaSourceOf[source]) || "unknown",
    muted,
    encrypted: (encryptionType ?? EncryptionType.NONE) !== EncryptionType.NONE,
    ...(track && { track: track as RemoteTrack }),
  };
}

const mediaSourceOf: Readonly<Partial<Record<TrackSource, MediaSource>>> = {
  [TrackSource.SOURCE_MICROPHONE]: "microphone",
  [TrackSource.SOURCE_CAMERA]: "camera",
  [TrackSource.SOURCE_SCREENSHARE]: "screen_share",
  [TrackSource.SOURCE_SCREENSHARE_AUDIO]: "screen_share_audio",
};

export const trackSourceOf: Readonly<Record<MediaSource, TrackSource>> = {
  microphone: TrackSource.SOURCE_MICROPHONE,
  camera: TrackSource.SOURCE_CAMERA,
  screen_share: TrackSource.SOURCE_SCREENSHARE,
  screen_share_audio: TrackSource.SOURCE_SCREENSHARE_AUDIO,
};

const mediaQualities: Readonly<Record<ConnectionQuality, MediaQuality>> = {
  [ConnectionQuality.QUALITY_POOR]: "poor",
  [ConnectionQuality.QUALITY_GOOD]: "good",
  [ConnectionQuality.QUALITY_EXCELLENT]: "excellent",
  [ConnectionQuality.QUALITY_LOST]: "lost",
};
