// MemberMedia: what one member's item says, from its place on an SFU, its keys and its tracks. Pure.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type {
  MediaConnection,
  MediaEncryption,
  MediaProblem,
  MediaQuality,
  ParticipantTrack,
} from "../media/participant.ts";
import { mediaSources, type MediaSource } from "../media/source.ts";
import type { SfuParticipant, SfuTrack } from "./sfu-room.ts";
import type { SfuConnection } from "./sfu-status.ts";
import type { Unplanned } from "./sfu-plan.ts";

/** Where a member is. */
export interface MemberPlace<Track> {
  /** How our connection to its SFU is; undefined if there is none. */
  readonly link: Pick<SfuConnection, "status" | "failure" | "nextTryTs"> | undefined;
  readonly unplanned: Unplanned | undefined;
  /** Undefined while the SFU does not show it. */
  readonly participant: SfuParticipant<Track> | undefined;
  /** Whether its media reached us before. */
  readonly wasConnected: boolean;
}

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

export interface MemberInput<Track> extends MemberPlace<Track> {
  readonly isEncrypted: boolean;
  readonly keys: MemberEncryption | undefined;
  /** Whether a track waits for its key. */
  readonly isHeld: (sid: string) => boolean;
  /** Whether a video is not received because nothing shows it. */
  readonly isPaused: (sid: string) => boolean;
  readonly now: number;
}

/** The item of another member. Parts that did not change are the same objects as before. */
export function memberMedia<Track>(input: MemberInput<Track>, before: MemberMedia<Track>): MemberMedia<Track> {
  const { participant, isEncrypted, keys, isHeld, isPaused, now } = input;
  const connection = connectionOf(input);
  const sent = (participant?.tracks ?? []).filter(({ encrypted }) => encrypted || !isEncrypted);
  const playable = sent.map((one) => (isHeld(one.sid) ? withoutTrack(one) : one));
  const tracks = mediaSources.flatMap((source) => {
    const one = playable.find((track) => track.source === source);
    return one ? [stableTrack(source, one, isPaused(one.sid), before.tracks)] : [];
  });
  const further = playable.filter(({ source }) => source === "unknown");
  return {
    connection,
    tracks: stableList(tracks, before.tracks),
    furtherTracks: stableList(
      further.map((track) => before.furtherTracks.find((known) => isSameSfuTrack(known, track)) ?? track),
      before.furtherTracks,
    ),
    speaking: participant?.speaking ?? false,
    level: participant?.level ?? 0,
    quality: participant?.quality ?? "unknown",
    encryption: stableEncryption(encryptionOf(isEncrypted, keys, participant?.tracks ?? []), before.encryption),
    problem: problemOf(input, connection, before.problem, now),
  };
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

function connectionOf({ link, participant, wasConnected }: MemberPlace<unknown>): MediaConnection {
  if (!link) return "waiting";
  if (link.status === "connected" && participant) return "connected";
  return wasConnected ? "reconnecting" : "connecting";
}

/** What is encrypted, and whether we and the member can decrypt each other. */
export function encryptionOf(
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
  { link, unplanned, participant }: MemberPlace<unknown>,
  connection: MediaConnection,
  before: MediaProblem | undefined,
  now: number,
): MediaProblem | undefined {
  if (connection === "connected") return undefined;
  const code = unplanned ?? (link?.failure ? "sfu-not-connected" : undefined) ?? missing(link, participant);
  if (!code) return undefined;
  const nextTryTs = code === "sfu-not-connected" ? link?.nextTryTs : undefined;
  const sinceTs = before?.code === code ? before.sinceTs : now;
  if (before?.code === code && before.nextTryTs === nextTryTs) return before;
  return { code, sinceTs, ...(nextTryTs !== undefined && { nextTryTs }) };
}

const withoutTrack = <Track>({ sid, kind, source, muted, encrypted }: SfuTrack<Track>): SfuTrack<Track> => {
  return { sid, kind, source, muted, encrypted };
};

const missing = (link: MemberPlace<unknown>["link"], participant: unknown): "not-on-sfu" | undefined =>
  link?.status === "connected" && !participant ? "not-on-sfu" : undefined;

function stableTrack<Track>(
  source: MediaSource,
  { muted, track }: SfuTrack<Track>,
  isPaused: boolean,
  before: readonly ParticipantTrack<Track>[],
): ParticipantTrack<Track> {
  const known = before.find((one) => one.source === source);
  const isSame = known && known.muted === muted && known.track === track && (known.paused ?? false) === isPaused;
  return isSame ? known : { source, muted, ...(track && { track }), ...(isPaused && { paused: true }) };
}

const isSameSfuTrack = (a: SfuTrack<unknown>, b: SfuTrack<unknown>): boolean =>
  a.sid === b.sid && a.muted === b.muted && a.track === b.track && a.encrypted === b.encrypted;

/** The list as it was, if it has the same items. */
export const stableList = <T>(list: readonly T[], before: readonly T[]): readonly T[] =>
  list.length === before.length && list.every((item, at) => item === before[at]) ? before : list;

export const stableEncryption = (now: MediaEncryption, before: MediaEncryption): MediaEncryption =>
  JSON.stringify(now) === JSON.stringify(before) ? before : now;
