// Decryption: reports whether a LiveKit room can decrypt the media of each participant. protocol.md 6.6.
import { type Participant, type RemoteParticipant, type Room, type RoomOptions, RoomEvent } from "livekit-client";
import { concatMap, defer, EMPTY, fromEventPattern, map, merge, mergeMap, type Observable, of, timer } from "rxjs";
import { type DecryptedMedia, hasGrown, withRecovery } from "./recovery.ts";
import { keyFramesAfter } from "./key-frames.ts";
import { RtcKeyProvider } from "./key-provider.ts";
import type { DecryptionReport } from "../types.ts";

/** For how long media is watched, to see whether it is being decrypted. Senders send a frame in less than that. */
const watchMs = 200;

type FollowedRoom = Pick<Room, "on" | "off" | "remoteParticipants"> & {
  readonly options?: Pick<RoomOptions, "encryption" | "e2ee">;
  readonly localParticipant?: Pick<Room["localParticipant"], "videoTrackPublications">;
};

/** Only the message of a worker's error reaches the page. It begins with the reason. */
const results: readonly [prefix: string, result: DecryptionReport["result"]][] = [
  ["InvalidKey:", "invalid-key"],
  ["MissingKey:", "missing-key"],
];

/**
 * Reports of a LiveKit room about the keys of each participant: `missing-key`, `invalid-key`, or `ok` after a recovery.
 * A session uses them to say in `encryptionStatus$` why a participant is not visible, and to request missing keys.
 * `followRoom` connects both.
 *
 * LiveKit does not report a recovery. `ok` is emitted within 2 s after the decoders get media again. Subscribe before the
 * room connects, because LiveKit may report a missing key only once. Errors: none. protocol.md 6.6.
 *
 * With the key provider of `keyProvider`, it also helps with ratchets (protocol.md 5.9). If LiveKit cannot follow the ratchet of
 * a participant, the key provider looks for the step. After a step of our own key, our video encoders make a key frame.
 *
 * @example
 * ```ts
 * import type { DecryptionReport } from "matrixrtc-rx";
 * import { decryptionReports } from "matrixrtc-rx/livekit";
 *
 * const room = { on: () => room, off: () => room } as never; // in an app: a LiveKit Room
 * const troubled = new Map<string, DecryptionReport["result"]>();
 * const listening = decryptionReports(room).subscribe(({ participantIdentity, result }) => troubled.set(participantIdentity, result));
 * listening.unsubscribe();
 * ```
 */
export function decryptionReports(room: FollowedRoom): Observable<DecryptionReport> {
  const mediaOf = (identity: string) => decryptedMediaOf(room.remoteParticipants.get(identity));
  const provider = providerOf(room);
  const report$ = fromEventPattern<[Error, Participant?]>(
    (listener) => room.on(RoomEvent.EncryptionError, listener),
    (listener) => room.off(RoomEvent.EncryptionError, listener),
  ).pipe(
    mergeMap(([error, participant]) => reportOf(error, participant)),
    mergeMap((report) => merge(of(report), provider ? catchUp(provider, report, mediaOf) : EMPTY)),
    withRecovery(mediaOf),
  );
  return provider ? merge(report$, keyFramesAfter(provider.step$, room)) : report$;
}

/** The key provider of a room, if it is one of ours. */
function providerOf({ options }: FollowedRoom): RtcKeyProvider | undefined {
  const encryption = options?.encryption ?? options?.e2ee;
  const provider = encryption && "keyProvider" in encryption ? encryption.keyProvider : undefined;
  return provider instanceof RtcKeyProvider ? provider : undefined;
}

/** Makes the key provider look for the step of a key that the media of a participant needs. */
function catchUp(
  provider: RtcKeyProvider,
  { participantIdentity, result }: DecryptionReport,
  mediaOf: (identity: string) => Promise<DecryptedMedia | undefined>,
): Observable<never> {
  if (result !== "invalid-key") return EMPTY;
  const media$ = defer(() => mediaOf(participantIdentity));
  const isDecrypted$ = media$.pipe(
    concatMap((before) =>
      timer(watchMs).pipe(
        concatMap(() => media$),
        map((now) => hasGrown(before, now)),
      ),
    ),
  );
  return provider.catchUp(participantIdentity, isDecrypted$);
}

/** Ignores our own participant: LiveKit lacks our key only until it has installed it. */
function reportOf({ message }: Error, participant: Participant | undefined): Observable<DecryptionReport> {
  const [, result] = results.find(([prefix]) => message.startsWith(prefix)) ?? [];
  if (!participant || participant.isLocal || !result) return EMPTY;
  const { identity: participantIdentity } = participant;
  const [, index] = /at index (\d+)/.exec(message) ?? [];
  return of({ participantIdentity, result, ...(index !== undefined && { keyIndex: Number(index) }) });
}

/** Counts of audio samples and video frames after the jitter buffers. LiveKit drops what it cannot decrypt before them. */
async function decryptedMediaOf(participant: RemoteParticipant | undefined): Promise<DecryptedMedia | undefined> {
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
