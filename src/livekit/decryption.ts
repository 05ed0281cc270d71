// Decryption: what of its media a LiveKit room cannot decrypt, on its way into `encryptionStatus$`. protocol.md 6.6.
import { type Participant, type RemoteParticipant, type Room, RoomEvent } from "livekit-client";
import { EMPTY, fromEventPattern, mergeMap, type Observable, of } from "rxjs";
import { type DecryptedMedia, untilDecrypted } from "./until-decrypted.ts";
import type { Decryption } from "../types.ts";

/** The worker puts the reason of an error before its message, which is all of it that comes across. */
const results: readonly [prefix: string, result: Decryption["result"]][] = [
  ["InvalidKey:", "invalid-key"],
  ["MissingKey:", "missing-key"],
];

/**
 * The trouble of a LiveKit room with keys, per participant: for `session.decryption`, so that `encryptionStatus$`
 * says why a tile is black, and a missing key is requested.
 *
 * LiveKit does not tell when it can decrypt again: `ok` follows within 2 s of it, from what the decoders get.
 * Subscribe before the room connects: of a key that stays missing, LiveKit may tell only once.
 *
 * @example
 * ```ts
 * import { rtcSession } from "matrixrtc-rx";
 * import { decryption } from "matrixrtc-rx/livekit";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const session = rtcSession(home.client("@alice:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
 * const room = { on: () => room, off: () => room } as never; // in an app: a LiveKit Room
 * const reporting = decryption(room).subscribe(session.decryption);
 * reporting.unsubscribe();
 * ```
 */
export function decryption(room: Pick<Room, "on" | "off" | "remoteParticipants">): Observable<Decryption> {
  return fromEventPattern<[Error, Participant?]>(
    (listener) => room.on(RoomEvent.EncryptionError, listener),
    (listener) => room.off(RoomEvent.EncryptionError, listener),
  ).pipe(
    mergeMap(([error, participant]) => troubleOf(error, participant)),
    untilDecrypted((identity) => decryptedOf(room.remoteParticipants.get(identity))),
  );
}

/** Of others: LiveKit lacks a key of our own only until it has taken it in. */
function troubleOf({ message }: Error, participant: Participant | undefined): Observable<Decryption> {
  const [, result] = results.find(([prefix]) => message.startsWith(prefix)) ?? [];
  if (!participant || participant.isLocal || !result) return EMPTY;
  const { identity: participantIdentity } = participant;
  const [, index] = /at index (\d+)/.exec(message) ?? [];
  return of({ participantIdentity, result, ...(index !== undefined && { keyIndex: Number(index) }) });
}

/** Audio samples and video frames that left the jitter buffers: LiveKit drops what it cannot decrypt before these. */
async function decryptedOf(participant: RemoteParticipant | undefined): Promise<DecryptedMedia | undefined> {
  if (!participant) return undefined;
  const reports = await Promise.all(
    [...participant.trackPublications.values()].map(({ track }) => track?.getRTCStatsReport().catch(() => undefined)),
  );
  return new Map(
    reports
      .flatMap((report) => (report ? Array.from(report.values()) : []))
      .filter(({ type }) => type === "inbound-rtp")
      .map(({ id, jitterBufferEmittedCount }) => [id, jitterBufferEmittedCount]),
  );
}
