// MemberMedia: what one member's item says, from its place on an SFU, its keys and its tracks. Pure.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type {
  MediaConnection,
  MediaEncryption,
  MediaProblem,
  MediaQuality,
  ParticipantTrack,
} from "../media/participant.ts";
import { kindOf, mediaSources } from "../media/source.ts";
import { kept } from "../rx/stable.ts";
import type { Held } from "./receiver.ts";
import type { SfuParticipant, SfuTrack } from "./sfu-room.ts";
import type { SfuConnection } from "./sfu-status.ts";
import type { Unplanned } from "./sfu-plan.ts";

/** What its item says. */
export interface MemberMedia<Track> {
  readonly connection: MediaConnection;
  readonly tracks: readonly ParticipantTrack<Track>[];
  readonly furtherTracks: readonly SfuTrack<Track>[];
  readonly speaking: boolean;
  readonly level: number;
  readonly quality: MediaQuality;
  readonly encryption: MediaEncryption;
  readonly problem: MediaProblem | undefined;
}

export interface MemberInput<Track> {
  /** How our connection to its SFU is; undefined if there is none. */
  readonly link: Pick<SfuConnection, "status" | "failure" | "nextTryTs"> | undefined;
  readonly unplanned: Unplanned | undefined;
  /** Undefined while the SFU does not show it. */
  readonly participant: SfuParticipant<Track> | undefined;
  /** Whether its media reached us before. */
  readonly wasConnected: boolean;
  readonly isEncrypted: boolean;
  readonly keys: MemberEncryption | undefined;
  /** Why nothing of a track comes. */
  readonly held: (sid: string) => Held | undefined;
  readonly now: number;
}

export const noMedia: MemberMedia<never> = {
  connection: "waiting",
  tracks: [],
  furtherTracks: [],
  speaking: false,
  level: 0,
  quality: "unknown",
  encryption: { status: "pending" },
  problem: undefined,
};

/** The item of a member. Parts that did not change are the same objects as before. */
export function memberMedia<Track>(input: MemberInput<Track>, before: MemberMedia<Track>): MemberMedia<Track> {
  const { participant, isEncrypted, keys, held } = input;
  const { speaking, level, quality } = participant ?? noMedia;
  const sent = participant?.tracks ?? [];
  const connection = connectionOf(input);
  const playable = sent
    .filter(({ encrypted }) => encrypted || !isEncrypted)
    .map((one) => (held(one.sid) === "held" ? withoutTrack(one) : one));
  const tracks = mediaSources.flatMap((source) => {
    const one = playable.find((track) => track.source === source);
    if (!one) return [];
    const { sid, muted, track } = one;
    const shown = { source, muted, ...(track && { track }), ...(held(sid) === "paused" && { paused: true as const }) };
    return [
      kept<ParticipantTrack<Track>>(
        shown,
        before.tracks.find((known) => known.source === source),
      ),
    ];
  });
  const furtherTracks = playable
    .filter(({ source }) => source === "unknown")
    .map((one) =>
      kept(
        one,
        before.furtherTracks.find(({ sid }) => sid === one.sid),
      ),
    );
  return {
    connection,
    tracks: kept(tracks, before.tracks),
    furtherTracks: kept(furtherTracks, before.furtherTracks),
    speaking,
    level,
    quality,
    encryption: kept(encryptionOf(isEncrypted, keys, sent), before.encryption),
    problem: problemOf(input, connection, before.problem),
  };
}

/** Ourselves as the SFU would show us, with the tracks that we send. */
export function ownParticipant<Track>(
  local: SfuParticipant<Track> | undefined,
  identity: string,
  media: OutgoingMedia<Track>,
): SfuParticipant<Track> {
  const tracks = mediaSources.flatMap((source): SfuTrack<Track>[] => {
    const { [source]: sent } = media;
    const kind = kindOf(source);
    return sent ? [{ sid: source, kind, source, muted: sent.muted ?? false, encrypted: true, track: sent.track }] : [];
  });
  return { identity, speaking: false, level: 0, quality: "unknown", ...local, tracks };
}

function connectionOf({ link, participant, wasConnected }: MemberInput<unknown>): MediaConnection {
  if (!link) return "waiting";
  // Its SFU gets nothing of it: it takes LiveKit another 10 s until the participant is gone.
  const isLost = wasConnected && participant?.quality === "lost";
  if (link.status === "connected" && participant && !isLost) return "connected";
  return wasConnected ? "reconnecting" : "connecting";
}

/** What is encrypted, and whether we and the member can decrypt each other. */
function encryptionOf(
  isEncrypted: boolean,
  keys: MemberEncryption | undefined,
  tracks: readonly Pick<SfuTrack, "muted" | "encrypted">[],
): MediaEncryption {
  if (!isEncrypted) return { status: "none" };
  const unreached = keys?.unreached && { unreached: keys.unreached };
  if (tracks.some(({ muted, encrypted }) => !muted && !encrypted)) return { status: "cleartext", ...unreached };
  switch (keys?.status) {
    case undefined:
      return { status: "pending" };
    case "ok":
      return { status: "end-to-end", by: "frames", keyIndex: keys.keyIndex, ...unreached };
    case "waiting":
      return { status: "waiting", reason: keys.reason, ...unreached };
    case "unverified":
      return { status: "unverified", reason: keys.reason, ...unreached };
  }
}

function problemOf(
  { link, unplanned, participant, now }: MemberInput<unknown>,
  connection: MediaConnection,
  before: MediaProblem | undefined,
): MediaProblem | undefined {
  if (connection === "connected") return undefined;
  const { status, failure, nextTryTs } = link ?? {};
  const code =
    unplanned ?? (failure ? "sfu-not-connected" : status === "connected" && !participant ? "not-on-sfu" : undefined);
  if (!code) return undefined;
  const sinceTs = before?.code === code ? before.sinceTs : now;
  return kept<MediaProblem>({ code, sinceTs, ...(nextTryTs !== undefined && { nextTryTs }) }, before);
}

const withoutTrack = <Track>({ sid, kind, source, muted, encrypted }: SfuTrack<Track>): SfuTrack<Track> => {
  return { sid, kind, source, muted, encrypted };
};
