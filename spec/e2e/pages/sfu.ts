// Sfu: a token and figures, as a client gets them without our library.
import { type Participant, RemoteParticipant, type Room } from "livekit-client";
import type { Account } from "../account.ts";

export interface PageOptions {
  readonly account: Account;
  readonly roomId: string;
  /** Base URL of the authorisation service. */
  readonly service: string;
}

/** Uses `/get_token` for a sticky member, if its id is given, else `/sfu/get`. */
export async function tokenFor(
  { account, roomId, service }: PageOptions,
  stickyMemberId?: string,
): Promise<{ url: string; jwt: string }> {
  const { homeserver, userId, deviceId, accessToken } = account;
  const openIdUrl = `${homeserver}/_matrix/client/v3/user/${encodeURIComponent(userId)}/openid/request_token`;
  const openid_token = await post(openIdUrl, {}, { Authorization: `Bearer ${accessToken}` });
  const token = stickyMemberId
    ? post(`${service}/get_token`, {
        room_id: roomId,
        slot_id: "m.call#ROOM",
        openid_token,
        member: { id: stickyMemberId, claimed_user_id: userId, claimed_device_id: deviceId },
      })
    : post(`${service}/sfu/get`, { room: roomId, openid_token, device_id: deviceId });
  return (await token) as { url: string; jwt: string };
}

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<unknown> {
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`);
  return response.json();
}

export interface VideoFigures {
  readonly packetsReceived: number;
  readonly framesDecoded: number;
}

/** The video counters of WebRTC, summed over these participants. */
export async function videoOf(participants: Iterable<Participant | undefined>): Promise<VideoFigures> {
  const tracks = [...participants]
    .filter((participant) => participant instanceof RemoteParticipant)
    .flatMap((participant) => [...participant.videoTrackPublications.values()].map(({ track }) => track));
  const reports = await Promise.all(tracks.map((track) => track?.getRTCStatsReport()));
  const counters = reports
    .flatMap((report) => (report ? Array.from(report.values()) : []))
    .filter(({ type }) => type === "inbound-rtp");
  const sum = (name: keyof VideoFigures) => counters.reduce((total: number, one) => total + (one[name] ?? 0), 0);
  return { packetsReceived: sum("packetsReceived"), framesDecoded: sum("framesDecoded") };
}

/** Attaches each track: LiveKit decodes only attached video. */
export function play(room: Room): void {
  room.on("trackSubscribed", (track) => document.body.append(track.attach()));
}
