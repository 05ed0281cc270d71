// Decryption: reports whether a LiveKit room can decrypt the media of each participant. protocol.md 6.6.
import { type Participant, type RemoteParticipant, type Room, type RoomOptions, RoomEvent } from "livekit-client";
import {
  concatMap,
  defer,
  EMPTY,
  fromEventPattern,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  takeUntil,
  timer,
} from "rxjs";
import { type DecryptedMedia, hasGrown, type MediaOf, recovery, withRecovery } from "./recovery.ts";
import { keyFramesAfter } from "./key-frames.ts";
import { RtcKeyProvider } from "./key-provider.ts";
import type { DecryptionReport } from "../types.ts";

/** For how long media is watched, to see whether it is being decrypted. Senders send a frame in less than that. */
const watchMs = 200;
/** Media that does not flow again by then is in trouble. */
const settleMs = 2_500;

type FollowedRoom = Pick<Room, "on" | "off" | "remoteParticipants"> & {
  readonly options?: Pick<RoomOptions, "encryption" | "e2ee">;
  readonly localParticipant?: Pick<Room["localParticipant"], "videoTrackPublications">;
};

/**
 * Reports of a LiveKit room about the keys of each participant: `missing-key`, `invalid-key`, or `ok` after a recovery.
 * A session uses them to say in `encryptionStatus$` why a participant is not visible, and to request missing keys.
 * `followRoom` connects both.
 *
 * LiveKit does not report a recovery. `ok` is emitted within 2 s after the decoders get media again. Subscribe before the
 * room connects, because LiveKit may report a missing key only once. Errors: none. protocol.md 6.6.
 *
 * With the key provider of `keyProvider`, it also helps with ratchets (protocol.md 5.9). If LiveKit cannot follow the ratchet of
 * a participant, the key provider looks for the step, and an invalid key is reported only if that fails, after 2.5 s. After another key of ours, or a step of one, our video encoders make a key frame.
 *
 * @example
 * ```ts
 * import type { DecryptionReport } from "matrixrtc-rx/encryption";
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
    mergeMap((report) => {
      if (!provider || report.result !== "invalid-key") return of(report);
      const { participantIdentity } = report;
      // Frames of an earlier key or step can come late, and a later step is looked for. Most of the time there is no trouble.
      const trouble$ = timer(settleMs).pipe(map(() => report));
      return merge(
        catchUp(provider, participantIdentity, mediaOf),
        trouble$.pipe(takeUntil(recovery(participantIdentity, mediaOf))),
      );
    }),
    withRecovery(mediaOf),
  );
  return provider ? merge(report$, keyFramesAfter(provider.ownKeyChanged$, room)) : report$;
}

/** The key provider of a room, if it is one of ours. */
function providerOf({ options }: FollowedRoom): RtcKeyProvider | undefined {
  const encryption = options?.encryption ?? options?.e2ee;
  const provider = encryption && "keyProvider" in encryption ? encryption.keyProvider : undefined;
  return provider instanceof RtcKeyProvider ? provider : undefined;
}

/** Makes the key provider look for the step of a key that the media of a participant needs. */
function catchUp(provider: RtcKeyProvider, participantIdentity: string, mediaOf: MediaOf): Observable<never> {
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

/**
 * Only the message of a worker's error reaches the page. It begins with the reason. Ignores our own participant: LiveKit lacks
 * our key only until it has installed it.
 */
function reportOf({ message }: Error, participant: Participant | undefined): Observable<DecryptionReport> {
  const [, reason] = /^(Invalid|Missing)Key:/.exec(message) ?? [];
  if (!participant || participant.isLocal || !reason) return EMPTY;
  const result = reason === "Invalid" ? "invalid-key" : "missing-key";
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
