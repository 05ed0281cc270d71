// ParticipantView: what we know of the media of one member now. Pure.
import { ConnectionQuality, type Participant, type RemoteTrack, type RemoteTrackPublication } from "@livekit/rtc-node";
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type {
  MediaConnection,
  MediaEncryption,
  MediaProblem,
  MediaProblemCode,
  MediaQuality,
} from "../media/participant.ts";
import type { MediaSource } from "../media/source.ts";
import type { Membership } from "../types.ts";
import { isAllowed, sourceOfTrack } from "./receiving.ts";
import type { SfuConnectionState } from "./sfu-connections.ts";
import { serviceOf } from "./sfu-plan.ts";

/** One track of a member. A track that did not change is the same object as before. */
export interface NodeTrack {
  readonly source: MediaSource;
  /** Its owner has muted it. */
  readonly muted: boolean;
  /** For `audioFrames` and `videoFrames`. Absent until it is received, and for our own tracks. */
  readonly track?: RemoteTrack;
}

export interface ParticipantView {
  readonly connection: MediaConnection;
  readonly tracks: readonly NodeTrack[];
  readonly speaking: boolean;
  readonly quality: MediaQuality;
  readonly encryption: MediaEncryption;
  /** Without the time. */
  readonly problem: Omit<MediaProblem, "sinceTs"> | undefined;
}

export interface CallView {
  readonly ownIdentity: string | undefined;
  readonly members: readonly Membership[];
  readonly connections: readonly SfuConnectionState[];
  readonly statuses: ReadonlyMap<string, MemberEncryption>;
  readonly isEncrypted: boolean;
}

/** @param before The connection of the member before, to tell a lost one from a new one. */
export function viewOf(member: Membership, call: CallView, before: MediaConnection | undefined): ParticipantView {
  const { participantIdentity: identity } = member;
  const isOwn = identity === call.ownIdentity;
  const held = connectionOf(member, call, isOwn);
  const live = held && "live" in held.status ? held.status.live : undefined;
  const participant = isOwn ? live?.room.localParticipant : live?.room.remoteParticipants.get(identity);
  const quality = participant && live?.qualities.get(participant.identity);
  const tracks = participant ? tracksOf(participant, call.isEncrypted) : [];
  const wasThere = before === "connected" || before === "reconnecting";
  const view = (connection: MediaConnection, problem?: ParticipantView["problem"]): ParticipantView => ({
    connection,
    tracks,
    speaking: participant !== undefined && live?.speakers.has(participant.identity) === true,
    quality: quality === undefined ? "unknown" : qualities[quality],
    encryption: call.isEncrypted && participant ? { status: "end-to-end", by: "frames" } : { status: "pending" },
    problem: problem ?? keyProblem(call.statuses.get(identity)),
  });

  if (!held) return view("waiting", { code: "no-common-transport" });
  const { status } = held;
  const underWay = wasThere ? "reconnecting" : "connecting";
  if (status.status === "failed") {
    const { nextTryTs } = status;
    return view(underWay, { code: "connection-failed", ...(nextTryTs !== undefined && { nextTryTs }) });
  }
  if (status.status === "connecting") return view(underWay);
  if (status.status === "reconnecting") return view("reconnecting", { code: "connection-failed" });
  return participant ? view("connected") : view(underWay, { code: "waiting-for-other-side" });
}

/** Where a member publishes. Two connections to one server can exist for a moment. */
function connectionOf(member: Membership, { members, connections }: CallView, isOwn: boolean) {
  const url = serviceOf(member, members);
  const there = connections.filter((one) => (isOwn ? one.isPublishing : one.url === url));
  return there.find(({ status }) => status.status === "connected") ?? there[0];
}

function tracksOf({ trackPublications }: Participant, isEncrypted: boolean): readonly NodeTrack[] {
  return [...trackPublications.values()].flatMap((publication) => {
    const source = sourceOfTrack(publication);
    if (!source || !isAllowed(publication, isEncrypted)) return [];
    const track = (publication as RemoteTrackPublication).subscribed ? (publication.track as RemoteTrack) : undefined;
    return [{ source, muted: publication.muted ?? false, ...(track && { track }) }];
  });
}

const unreachedCodes: Readonly<Record<NonNullable<MemberEncryption["unreached"]>, MediaProblemCode>> = {
  "unknown-device": "unknown-device",
  "not-cross-signed": "not-cross-signed",
  failed: "signalling-failed",
};

/** Our own key has not reached the member. */
const keyProblem = (status: MemberEncryption | undefined): ParticipantView["problem"] =>
  status?.unreached && { code: unreachedCodes[status.unreached] };

const qualities: Readonly<Record<ConnectionQuality, MediaQuality>> = {
  [ConnectionQuality.QUALITY_POOR]: "poor",
  [ConnectionQuality.QUALITY_GOOD]: "good",
  [ConnectionQuality.QUALITY_EXCELLENT]: "excellent",
  [ConnectionQuality.QUALITY_LOST]: "lost",
};
