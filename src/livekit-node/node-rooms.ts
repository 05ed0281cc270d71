// NodeRooms: LiveKit rooms of rtc-node, encrypted with the keys of a session. protocol.md 6.6.
import {
  type ConnectionQuality,
  type LocalTrack,
  type RemoteTrackPublication,
  type Room,
  RoomEvent,
  TrackPublishOptions,
} from "@livekit/rtc-node";
import { filter, from, Observable, startWith, Subject, switchMap, take, timer } from "rxjs";
import { disconnectedError, refusedError, type SfuError } from "../livekit/sfu-failure.ts";
import {
  act,
  type Reception,
  type SfuParticipant,
  type SfuPublication,
  type SfuRoom,
  type SfuRoomOptions,
  type SfuRooms,
  type SfuRoomState,
} from "../livekit/sfu-room.ts";
import type { MediaSource } from "../media/source.ts";
import { encryptionOptions, nodeDecryption, NodeKeys } from "./node-keys.ts";
import { localIn, participantsIn, trackSourceOf } from "./node-participants.ts";
import type { NodeSource, NodeTrack } from "./node-track.ts";
import { rtcNode, type RtcNode } from "./rtc-node.ts";

/**
 * LiveKit rooms of `@livekit/rtc-node`, for `livekitCall` and `livekitMedia` in Node.
 *
 * Media is encrypted as LiveKit's browser client does it, so browsers and Node are in one call. What we send is an
 * `AudioSource` or a `VideoSource`; `audioFrames` and `videoFrames` read what is received.
 *
 * @example
 * ```ts
 * import { livekitCall, nodeRooms, type NodeTrack } from "matrixrtc-rx/livekit-node";
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver(); // in an app: fromMatrixClient(client)
 * const roomId = home.createRoom({ members: ["@bot:example.org"] });
 * const matrix = home.client("@bot:example.org", "BOT");
 * const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
 * const call = livekitCall<NodeTrack>(matrix, session, { rooms: nodeRooms() });
 * // call.state$.subscribe() joins; call.participants$ has the members and their tracks.
 * console.assert(call.participants$.value.length === 0);
 * ```
 */
export function nodeRooms(): SfuRooms<NodeTrack> {
  return nodeRoomsOver(rtcNode);
}

export const nodeRoomsOver =
  (rtc: RtcNode): SfuRooms<NodeTrack> =>
  (options) =>
    new NodeRoom(rtc, options);

/** rtc-node tries to repair a connection at once and after 5 s. Later, a new connection is faster. */
const repairMs = 6_500;

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
  RoomEvent.Reconnected,
] as const;

class NodeRoom implements SfuRoom<NodeTrack> {
  readonly changes$: Subject<void> = new Subject();
  readonly #rtc: RtcNode;
  readonly #options: SfuRoomOptions;
  readonly #speakers = new Set<string>();
  readonly #qualities = new Map<string, ConnectionQuality>();
  readonly #subscribed = new WeakSet<RemoteTrackPublication>();
  /** What was last asked for of a track, so that LiveKit hears of changes alone. A track that comes back is another object. */
  readonly #asked = new WeakMap<object, Asked>();
  #room: Room | undefined;
  #keys: NodeKeys | undefined;
  #participants: ReadonlyMap<string, SfuParticipant<NodeTrack>> | undefined;

  constructor(rtc: RtcNode, options: SfuRoomOptions) {
    this.#rtc = rtc;
    this.#options = options;
  }

  connect(url: string, jwt: string): Observable<SfuRoomState> {
    return new Observable((subscriber) => {
      const { encryption } = this.#options;
      const room = this.#rtc.makeRoom();
      subscriber.next("connecting");
      const connected = this.#rtc.connect(room, url, jwt, {
        autoSubscribe: false,
        dynacast: true,
        joinRetries: 0,
        ...(encryption && { encryption: encryptionOptions }),
      });
      const run = () => {
        if (subscriber.closed) return;
        this.#room = room;
        const repairing$ = new Subject<boolean>();
        this.#listen(room);
        room.on(RoomEvent.Reconnecting, () => {
          subscriber.next("reconnecting");
          repairing$.next(true);
        });
        room.on(RoomEvent.Reconnected, () => {
          this.#keys?.useOwnKey();
          repairing$.next(false);
          subscriber.next("connected");
        });
        // A repaired connection may have published our tracks again, under new ids.
        room.on(RoomEvent.LocalTrackRepublished, () => this.#keys?.useOwnKey());
        room.on(RoomEvent.Disconnected, (reason) => subscriber.error(disconnectedError(reason)));
        const givenUp$ = repairing$.pipe(switchMap((is) => (is ? timer(repairMs) : [])));
        subscriber.add(givenUp$.subscribe(() => subscriber.error(disconnectedError(undefined))));
        if (encryption) {
          const keys = new NodeKeys(this.#rtc, room);
          this.#keys = keys;
          subscriber.add(nodeDecryption(this.#rtc, room).subscribe((report) => encryption.decryption.next(report)));
          subscriber.add(encryption.encryptionKey$.subscribe((key) => keys.install(key) && this.#changed()));
        }
        subscriber.next("connected");
      };
      connected.then(run, (error: unknown) => subscriber.error(connectError(error)));
      return () => {
        this.#room = this.#keys = this.#participants = undefined;
        room.removeAllListeners();
        void connected.then(() => room.disconnect()).catch(() => {});
      };
    });
  }

  get participants(): ReadonlyMap<string, SfuParticipant<NodeTrack>> {
    return (this.#participants ??= this.#room ? participantsIn(this.#room, this.#signals) : new Map());
  }

  get local(): SfuParticipant<NodeTrack> | undefined {
    return this.#room && localIn(this.#room, this.#signals);
  }

  hasKey(identity: string, keyIndex: number): boolean {
    return this.#options.encryption === undefined || this.#keys?.has(identity, keyIndex) === true;
  }

  receive(identity: string, sid: string, reception: Reception): void {
    const publication = this.#room?.remoteParticipants.get(identity)?.trackPublications.get(sid);
    if (!publication) return;
    const isWanted = reception !== "off";
    if (isWanted !== this.#subscribed.has(publication)) {
      this.#subscribed[isWanted ? "add" : "delete"](publication);
      publication.setSubscribed(isWanted);
    }
    // LiveKit ignores pauses and sizes until the track is there. Then the room changes, and this is called again.
    const { track } = publication;
    if (!isWanted || !track) return;
    const before = this.#asked.get(track) ?? untouched;
    const isPaused = reception === "paused";
    const size = isPaused
      ? before
      : { width: Math.min(reception.width, maxSize), height: Math.min(reception.height, maxSize) };
    const isResumed = before.isPaused && !isPaused;
    const isResized = size.width !== before.width || size.height !== before.height;
    if (isPaused !== before.isPaused) this.#rtc.setEnabled(publication, !isPaused);
    // When a track goes on, LiveKit asks for the size that it knows. A mute of the sender can make it forget ours.
    if (isResized || (isResumed && size.width < maxSize)) this.#rtc.setDimensions(publication, size.width, size.height);
    this.#asked.set(track, { ...size, isPaused });
  }

  publish(source: MediaSource, track: NodeTrack, muted: boolean): Observable<SfuPublication<NodeTrack>> {
    // Without a key of ours, LiveKit would drop all frames, or use the key of somebody else.
    const canEncrypt$ = this.changes$.pipe(
      startWith(undefined),
      filter(() => this.#options.encryption === undefined || this.#keys?.canEncrypt === true),
      take(1),
    );
    return canEncrypt$.pipe(switchMap(() => from(this.#publish(source, track as NodeSource, muted))));
  }

  async #publish(name: MediaSource, source: NodeSource, muted: boolean): Promise<SfuPublication<NodeTrack>> {
    let sent = await this.#send(name, source, muted);
    let isMuted = muted;
    return {
      setMuted: (value) => act(async () => this.#rtc.setMuted(sent.track, (isMuted = value))),
      // rtc-node cannot replace the source of a track.
      replaceTrack: (next) =>
        act(async () => {
          await sent.unpublish();
          sent = await this.#send(name, next as NodeSource, isMuted);
        }),
      unpublish: () => act(() => sent.unpublish()),
    };
  }

  async #send(name: MediaSource, source: NodeSource, muted: boolean): Promise<Sent> {
    const participant = this.#room?.localParticipant;
    if (!participant) throw disconnectedError(undefined);
    const track = this.#rtc.makeTrack(name, source);
    // Muted first, so that nothing is sent before it is muted.
    if (muted) this.#rtc.setMuted(track, true);
    const publication = await participant.publishTrack(track, new TrackPublishOptions({ source: trackSourceOf[name] }));
    this.#keys?.useOwnKey();
    // The source belongs to the app, so it is not closed with its track.
    return { track, unpublish: () => participant.unpublishTrack(publication.sid ?? "", false) };
  }

  get #signals() {
    return { speakers: this.#speakers, qualities: this.#qualities };
  }

  #changed(): void {
    this.#participants = undefined;
    this.changes$.next();
  }

  #listen(room: Room): void {
    room.on(RoomEvent.ActiveSpeakersChanged, (speakers) => {
      this.#speakers.clear();
      for (const { identity } of speakers) this.#speakers.add(identity);
    });
    room.on(RoomEvent.ConnectionQualityChanged, (quality, { identity }) => this.#qualities.set(identity, quality));
    room.on(RoomEvent.ParticipantDisconnected, ({ identity }) => this.#qualities.delete(identity));
    for (const event of changeEvents) room.on(event, () => this.#changed());
  }
}

/** What was asked for of a track. */
interface Asked {
  readonly isPaused: boolean;
  readonly width: number;
  readonly height: number;
}

/** Larger than every video, so it asks for the best layer. LiveKit has no request that takes a size back. */
const maxSize = 65_535;
/** LiveKit begins with the best layer. */
const untouched: Asked = { isPaused: false, width: maxSize, height: maxSize };

/** A track of ours on the SFU. */
interface Sent {
  readonly track: LocalTrack;
  unpublish(): Promise<void>;
}

/** rtc-node has the HTTP status in the text of its error alone. */
function connectError(error: unknown): SfuError {
  const [, status] = /\b([45]\d\d)\b/.exec(error instanceof Error ? error.message : "") ?? [];
  return refusedError(status === undefined ? undefined : Number(status));
}
