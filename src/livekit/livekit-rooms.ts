// LivekitRooms: LiveKit rooms of livekit-client, with an E2EE worker each. protocol.md 6.6.
import {
  ConnectionError,
  ConnectionErrorReason,
  DisconnectReason,
  KeyProviderEvent,
  LocalAudioTrack,
  type LocalTrack,
  LocalVideoTrack,
  type Participant,
  RemoteTrackPublication,
  Room,
  RoomEvent,
  type RoomOptions,
  Track,
  type TrackPublication,
  type TrackPublishOptions,
  VideoQuality,
} from "livekit-client";
import { auditTime, defer, EMPTY, finalize, from, map, Observable, Subject } from "rxjs";
import { kindOf, type MediaSource } from "../media/source.ts";
import { followRoom } from "./follow-room.ts";
import { keyFramesAfter, reachedMs } from "./key-frames.ts";
import { keyProvider, type RtcKeyProvider } from "./key-provider.ts";
import { disconnectedError, refusedError, type SfuError } from "./sfu-failure.ts";
import {
  act,
  type Reception,
  type SfuEncryption,
  type SfuParticipant,
  type SfuPublication,
  type SfuRoom,
  type SfuRoomOptions,
  type SfuRooms,
  type SfuRoomState,
  type SfuTrack,
} from "./sfu-room.ts";

/** How to make the LiveKit rooms of a call in a browser. */
export interface LivekitRoomsOptions {
  /**
   * Makes an E2EE worker of livekit-client; each LiveKit room has one of its own, and ends it. With Vite:
   * `import E2eeWorker from "livekit-client/e2ee-worker?worker"`, then `() => new E2eeWorker()`. Not used in calls that are
   * not encrypted.
   */
  readonly worker: () => Worker;
  /** More options of livekit-client, for instance `publishDefaults`. */
  readonly room?: Omit<
    RoomOptions,
    "encryption" | "e2ee" | "adaptiveStream" | "reconnectPolicy" | "stopLocalTrackOnUnpublish"
  >;
  /** More options for publishing a track of this source, for instance its bitrate. */
  readonly publish?: (source: MediaSource) => TrackPublishOptions;
}

/**
 * LiveKit rooms of livekit-client, for `livekitCall` and `livekitMedia`.
 *
 * @example
 * ```ts
 * import { livekitRooms } from "matrixrtc-rx/livekit";
 *
 * // import E2eeWorker from "livekit-client/e2ee-worker?worker"; with Vite
 * const rooms = livekitRooms({ worker: () => new Worker("livekit-client.e2ee.worker.mjs") });
 * console.assert(typeof rooms === "function");
 * ```
 */
export function livekitRooms(options: LivekitRoomsOptions): SfuRooms {
  return (roomOptions) => new BrowserRoom(options, roomOptions);
}

/** A joiner that has our key needs a moment until its media comes, and several devices may join together. */
const reached = ({ delivered$ = EMPTY }: SfuEncryption) => delivered$.pipe(auditTime(reachMs));
const reachMs = 100;

/** A connection through a dead network would hang for longer. */
const signalTimeoutMs = 6_000;

class BrowserRoom implements SfuRoom {
  readonly changes$ = new Subject<void>();
  readonly #options: LivekitRoomsOptions;
  readonly #roomOptions: SfuRoomOptions;
  #room: Room | undefined;
  #provider: RtcKeyProvider | undefined;
  #participants: ReadonlyMap<string, SfuParticipant> | undefined;
  /** What was last asked for, so that LiveKit hears of changes alone. */
  readonly #asked = new WeakMap<RemoteTrackPublication, string>();
  readonly #published = new Set<LocalTrack>();

  constructor(options: LivekitRoomsOptions, roomOptions: SfuRoomOptions) {
    this.#options = options;
    this.#roomOptions = roomOptions;
  }

  connect(url: string, jwt: string): Observable<SfuRoomState> {
    return new Observable((subscriber) => {
      const { encryption, repairWaitMs } = this.#roomOptions;
      const worker = encryption && this.#options.worker();
      const provider = encryption && keyProvider(encryption);
      const room = releasable({
        dynacast: true,
        ...this.#options.room,
        adaptiveStream: false,
        stopLocalTrackOnUnpublish: false,
        reconnectPolicy: { nextRetryDelayInMs: ({ retryCount }) => repairWaitMs(retryCount) ?? null },
        ...(worker && provider && { encryption: { keyProvider: provider, worker } }),
      });
      this.#room = room;
      this.#provider = provider;
      let isConnected = false;
      const changed = () => {
        this.#participants = undefined;
        this.changes$.next();
      };
      if (encryption) {
        subscriber.add(followRoom(encryption, room).subscribe());
        subscriber.add(keyFramesAfter(reached(encryption), room, reachedMs).subscribe());
      }
      // Its script could not be loaded. An error within the script has a message.
      worker?.addEventListener("error", (e) => e instanceof ErrorEvent || subscriber.error(refusedError(undefined)));
      provider?.on(KeyProviderEvent.SetKey, changed);
      for (const event of changeEvents) room.on(event, changed);
      const repairing = () => subscriber.next("reconnecting");
      const repaired = () => subscriber.next("connected");
      room
        .on(RoomEvent.Reconnecting, repairing)
        .on(RoomEvent.SignalReconnecting, repairing)
        .on(RoomEvent.Reconnected, repaired)
        .on(RoomEvent.Disconnected, (reason) => isConnected && subscriber.error(disconnectedError(reason)));
      const connect = async () => {
        if (encryption) await room.setE2EEEnabled(true);
        await room.connect(url, jwt, { autoSubscribe: false, maxRetries: 0, websocketTimeout: signalTimeoutMs });
        isConnected = true;
        this.#participants = undefined;
        subscriber.next("connected");
      };
      subscriber.next("connecting");
      connect().catch((error: unknown) => subscriber.error(connectError(error)));
      subscriber.add(() => {
        isConnected = false;
        this.#room = this.#provider = this.#participants = undefined;
        provider?.dispose();
        room.removeAllListeners();
        void room.disconnect(false).finally(() => {
          release(room);
          for (const local of this.#published) unlisten(local);
          worker?.terminate();
        });
      });
    });
  }

  get participants(): ReadonlyMap<string, SfuParticipant> {
    return (this.#participants ??= new Map(
      Array.from(this.#room?.remoteParticipants.values() ?? [], (one) => [one.identity, participantOf(one)]),
    ));
  }

  get local(): SfuParticipant | undefined {
    return this.#room && participantOf(this.#room.localParticipant);
  }

  hasKey(identity: string, keyIndex: number): boolean {
    return this.#provider?.has(identity, keyIndex) ?? true;
  }

  receive(identity: string, sid: string, reception: Reception): void {
    const publication = this.#publication(identity, sid);
    if (!publication) return;
    if (reception === "off") {
      if (publication.isDesired) publication.setSubscribed(false);
      return;
    }
    if (!publication.isDesired) publication.setSubscribed(true);
    this.#askFor(publication, reception);
  }

  publish(source: MediaSource, track: MediaStreamTrack, muted: boolean): Observable<SfuPublication> {
    return defer(() => {
      const participant = this.#room?.localParticipant;
      if (!participant) throw disconnectedError(undefined);
      const Made = kindOf(source) === "audio" ? LocalAudioTrack : LocalVideoTrack;
      // The types of livekit-client are not exact about optional properties.
      const local = new Made(track, undefined, true) as LocalTrack;
      this.#published.add(local);
      const publishing = async () => {
        // Muted first, so that nothing is sent before it is muted.
        if (muted) await local.mute();
        await participant.publishTrack(local, { ...this.#options.publish?.(source), source: sourceOf(source) });
      };
      return from(publishing()).pipe(
        map(() => ({
          setMuted: (value: boolean) => act(() => (value ? local.mute() : local.unmute())),
          replaceTrack: (next: MediaStreamTrack) => act(() => local.replaceTrack(next, true)),
          unpublish: () =>
            act(() => participant.unpublishTrack(local, false).finally(() => unlisten(local))).pipe(
              finalize(() => this.#published.delete(local)),
            ),
        })),
      );
    });
  }

  #publication(identity: string, sid: string): RemoteTrackPublication | undefined {
    const publication = this.#room?.remoteParticipants.get(identity)?.trackPublications.get(sid);
    return publication instanceof RemoteTrackPublication ? publication : undefined;
  }

  #askFor(publication: RemoteTrackPublication, reception: Exclude<Reception, "off">): void {
    const isPaused = reception === "paused";
    if (publication.isEnabled === isPaused) publication.setEnabled(!isPaused);
    // A size counts only once the track is there.
    if (isPaused || !publication.track || publication.kind !== Track.Kind.Video) return;
    const asked = JSON.stringify(reception);
    const before = this.#asked.get(publication);
    if (asked === before) return;
    this.#asked.set(publication, asked);
    const { width, height } = reception;
    if (Number.isFinite(width) && Number.isFinite(height)) publication.setVideoDimensions({ width, height });
    else if (before !== undefined) publication.setVideoQuality(VideoQuality.HIGH);
  }
}

const changeEvents = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.ParticipantEncryptionStatusChanged,
  RoomEvent.Reconnected,
] as const;

/**
 * A LiveKit room that can be released. By itself livekit-client 2.23.0 listens to changes of devices with a closure that holds
 * the room, so that no room of a page is ever freed. Without its registry it listens with a method of the room.
 */
function releasable(options: RoomOptions): Room {
  const registry = Room.cleanupRegistry;
  Room.cleanupRegistry = false;
  try {
    return new Room(options);
  } finally {
    Room.cleanupRegistry = registry;
  }
}

/** LiveKit itself removes the listener of a room that was connected, and of no other. */
function release(room: Room): void {
  const { handleDeviceChange } = room as unknown as { readonly handleDeviceChange: EventListener };
  navigator.mediaDevices?.removeEventListener("devicechange", handleDeviceChange);
}

/** LiveKit listens to a track until it stops it. The tracks that we publish belong to the app, and go on. */
function unlisten(local: LocalTrack): void {
  const { mediaStreamTrack } = local;
  const { handleEnded, handleTrackMuteEvent, handleTrackUnmuteEvent } = local as unknown as LocalTrackListeners;
  mediaStreamTrack.removeEventListener("ended", handleEnded);
  mediaStreamTrack.removeEventListener("mute", handleTrackMuteEvent);
  mediaStreamTrack.removeEventListener("unmute", handleTrackUnmuteEvent);
}

interface LocalTrackListeners {
  readonly handleEnded: EventListener;
  readonly handleTrackMuteEvent: EventListener;
  readonly handleTrackUnmuteEvent: EventListener;
}

const sourceOf = (source: MediaSource): Track.Source => source as Track.Source;

function participantOf(participant: Participant): SfuParticipant {
  const { identity, isSpeaking, audioLevel, connectionQuality, trackPublications } = participant;
  return {
    identity,
    tracks: participant.isLocal ? [] : Array.from(trackPublications.values(), trackOf),
    speaking: isSpeaking,
    level: audioLevel,
    quality: connectionQuality,
  };
}

function trackOf({ trackSid, kind, source, isMuted, isEncrypted, isSubscribed, track }: TrackPublication): SfuTrack {
  return {
    sid: trackSid,
    kind: kind === Track.Kind.Audio ? "audio" : "video",
    source: source as SfuTrack["source"],
    muted: isMuted,
    encrypted: isEncrypted,
    ...(isSubscribed && track && { track: track.mediaStreamTrack }),
  };
}

/** Why LiveKit could not connect. */
function connectError(error: unknown): SfuError {
  if (!(error instanceof ConnectionError)) return refusedError(undefined);
  const { reason, status, context } = error;
  if (reason === ConnectionErrorReason.LeaveRequest) {
    const why = typeof context === "number" ? context : undefined;
    return disconnectedError(why === DisconnectReason.CLIENT_INITIATED ? undefined : why);
  }
  const { status: answered = status } =
    ((typeof context === "object" ? context : undefined) as { status?: number }) ?? {};
  return refusedError(typeof answered === "number" ? answered : undefined);
}
