// StreamMetadata: what the streams of a call are for, and what in them is muted. CS spec m.call.*, MSC3077, MSC3291.
import type { OutgoingMedia } from "../media/outgoing.ts";
import { type MediaSource, mediaSources, purposeOf, sourceOf, type StreamPurpose } from "../media/source.ts";
import { isObject, objectOr, type JsonObject } from "../room/json.ts";
import type { Section } from "./sdp.ts";
import { sameJson } from "../rx/stable.ts";

export interface StreamDetails {
  readonly purpose: StreamPurpose;
  readonly audioMuted: boolean;
  readonly videoMuted: boolean;
}

/** By stream id. */
export type StreamMetadata = ReadonlyMap<string, StreamDetails>;

const stableKey = "sdp_stream_metadata";
const unstableKey = "org.matrix.msc3077.sdp_stream_metadata";
/** A peer that names more streams than this is not believed. */
const mostStreams = 16;

/** Reads the metadata in a content, under either key. Undefined for a content without metadata. Unknown purposes are left out. */
export function metadataIn(content: JsonObject): StreamMetadata | undefined {
  const metadata = content[stableKey] ?? content[unstableKey];
  if (!isObject(metadata)) return undefined;
  return new Map(
    Object.entries(metadata)
      .slice(0, mostStreams)
      .flatMap(([id, details]): [string, StreamDetails][] => {
        const { purpose, audio_muted, video_muted } = objectOr(details);
        if (purpose !== "m.usermedia" && purpose !== "m.screenshare") return [];
        return [[id, { purpose, audioMuted: audio_muted === true, videoMuted: video_muted === true }]];
      }),
  );
}

/** Metadata as part of a content, under both keys: some clients read only the older one. */
export function metadataContent(metadata: StreamMetadata = new Map()): JsonObject {
  const streams = Object.fromEntries(
    [...metadata].map(([id, { purpose, audioMuted, videoMuted }]) => [
      id,
      { purpose, audio_muted: audioMuted, video_muted: videoMuted },
    ]),
  );
  return { [stableKey]: streams, [unstableKey]: streams };
}

/** The metadata of what we send. A kind that we do not send counts as muted. */
export function metadataOf(media: OutgoingMedia, streamIdOf: (purpose: StreamPurpose) => string): StreamMetadata {
  const purposes = new Set(mediaSources.filter((source) => media[source]).map(purposeOf));
  const isMuted = (source: MediaSource) => media[source] === undefined || media[source].muted === true;
  return new Map(
    Array.from(purposes, (purpose) => [
      streamIdOf(purpose),
      {
        purpose,
        audioMuted: isMuted(sourceOf(purpose, "audio")),
        videoMuted: isMuted(sourceOf(purpose, "video")),
      },
    ]),
  );
}

export const isSameMetadata = (a: StreamMetadata, b: StreamMetadata): boolean => sameJson([...a], [...b]);

/** A track that the other side sends. */
export interface RemoteTrack {
  readonly mid: string;
  readonly source: MediaSource;
  readonly muted: boolean;
}

/**
 * What the other side sends, by the sections of its description. With metadata, a stream that is not listed and a track
 * without a stream are ignored. Without any, the stream of its first track is its camera and microphone: gateways name
 * no stream at all. Each source counts once.
 */
export function remoteTracks(
  sections: readonly Section[],
  metadata: StreamMetadata | undefined,
): readonly RemoteTrack[] {
  const sending = sections.filter(({ sends }) => sends);
  const detailsOf = ({ streamId }: Section): StreamDetails | undefined => {
    if (metadata) return streamId === undefined ? undefined : metadata.get(streamId);
    return streamId === sending[0]?.streamId ? unlabelled : undefined;
  };
  const tracks = new Map<MediaSource, RemoteTrack>();
  for (const section of sending) {
    const details = detailsOf(section);
    if (!details) continue;
    const source = sourceOf(details.purpose, section.kind);
    const muted = section.kind === "audio" ? details.audioMuted : details.videoMuted;
    if (!tracks.has(source)) tracks.set(source, { mid: section.mid, source, muted });
  }
  return mediaSources.flatMap((source) => tracks.get(source) ?? []);
}

const unlabelled: StreamDetails = { purpose: "m.usermedia", audioMuted: false, videoMuted: false };
