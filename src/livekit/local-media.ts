// LocalMedia: what our own item says, in the shape of the others. Pure.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { MediaConnection, ParticipantTrack } from "../media/participant.ts";
import { mediaSources } from "../media/source.ts";
import { encryptionOf, type MemberMedia, stableEncryption, stableList } from "./member-media.ts";
import type { SfuConnection } from "./sfu-status.ts";
import type { SfuParticipant } from "./sfu-room.ts";

export interface LocalInput<Track> {
  readonly media: OutgoingMedia<Track>;
  /** Our connection that publishes. */
  readonly link: Pick<SfuConnection, "status" | "failure" | "nextTryTs" | "sinceTs"> | undefined;
  readonly local: SfuParticipant<Track> | undefined;
  readonly wasConnected: boolean;
  readonly isEncrypted: boolean;
  readonly keys: MemberEncryption | undefined;
}

export function localMedia<Track>(input: LocalInput<Track>, before: MemberMedia<Track>): MemberMedia<Track> {
  const { media, link, local, wasConnected, isEncrypted, keys } = input;
  const tracks = mediaSources.flatMap((source): ParticipantTrack<Track>[] => {
    const outgoing = media[source];
    if (!outgoing) return [];
    const { track, muted = false } = outgoing;
    const known = before.tracks.find((one) => one.source === source && one.track === track && one.muted === muted);
    return [known ?? { source, muted, track }];
  });
  const { failure, nextTryTs, sinceTs = 0 } = link ?? {};
  const isProblem = failure !== undefined && link?.status !== "connected";
  const isSame = before.problem && before.problem.nextTryTs === nextTryTs;
  const problem = { code: "sfu-not-connected" as const, sinceTs, ...(nextTryTs !== undefined && { nextTryTs }) };
  return {
    connection: connectionOf(link, wasConnected),
    tracks: stableList(tracks, before.tracks),
    furtherTracks: before.furtherTracks,
    speaking: local?.speaking ?? false,
    level: local?.level ?? 0,
    quality: local?.quality ?? "unknown",
    encryption: stableEncryption(encryptionOf(isEncrypted, keys, []), before.encryption),
    problem: isProblem ? (isSame ? before.problem : problem) : undefined,
  };
}

function connectionOf(link: LocalInput<unknown>["link"], wasConnected: boolean): MediaConnection {
  if (!link) return "waiting";
  if (link.status === "connected") return "connected";
  return wasConnected ? "reconnecting" : "connecting";
}
