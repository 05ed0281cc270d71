// FakeRtcNode: rooms of rtc-node without a network. Specs connect them, publish in them and look at what was asked of them.
import { EventEmitter } from "node:events";
import {
  EncryptionType,
  type LocalTrack,
  type Room,
  RoomEvent,
  type RoomOptions,
  TrackKind,
  TrackSource,
} from "@livekit/rtc-node";
import { Subject } from "rxjs";
import type { CryptorReport, RtcNode } from "../../src/livekit-node/rtc-node.ts";

interface FakePublication {
  readonly sid: string;
  readonly kind: TrackKind;
  readonly source: TrackSource;
  readonly encryptionType: EncryptionType;
  muted: boolean;
  subscribed: boolean;
  track: { readonly sid: string } | undefined;
  setSubscribed(isWanted: boolean): void;
}

export class FakeRoom extends EventEmitter {
  options: RoomOptions | undefined;
  readonly #log: string[];
  readonly #connecting: () => Promise<void>;
  readonly remoteParticipants = new Map<
    string,
    { identity: string; trackPublications: Map<string, FakePublication> }
  >();
  readonly localParticipant = {
    identity: "alice",
    trackPublications: new Map<string, { sid: string; source: TrackSource; encryptionType: EncryptionType }>(),
    publishTrack: async (_track: unknown, { source }: { source?: TrackSource }) => {
      const sid = `own-${source}`;
      this.#log.push(`publish ${sid}`);
      const publication = { sid, source: source!, encryptionType: EncryptionType.GCM };
      this.localParticipant.trackPublications.set(sid, publication);
      return publication;
    },
    unpublishTrack: async (sid: string) => {
      this.#log.push(`unpublish ${sid}`);
      this.localParticipant.trackPublications.delete(sid);
    },
  };

  constructor(log: string[] = [], connecting: () => Promise<void> = async () => {}) {
    super();
    this.#log = log;
    this.#connecting = connecting;
  }

  async connect(url: string, jwt: string, options: RoomOptions): Promise<void> {
    this.#log.push(`connect ${url} ${jwt}`);
    this.options = options;
    await this.#connecting();
  }

  async disconnect(): Promise<void> {
    this.#log.push("disconnect");
  }

  /** A participant comes with a track. */
  publish(
    identity: string,
    source = TrackSource.SOURCE_MICROPHONE,
    encryptionType = EncryptionType.GCM,
  ): FakePublication {
    const sid = `${identity}-${source}`;
    const publication: FakePublication = {
      sid,
      kind: source === TrackSource.SOURCE_CAMERA ? TrackKind.KIND_VIDEO : TrackKind.KIND_AUDIO,
      source,
      encryptionType,
      muted: false,
      subscribed: false,
      track: undefined,
      // As in rtc-node, the track comes and goes later.
      setSubscribed: (isWanted) => {
        this.#log.push(`${isWanted ? "subscribe" : "unsubscribe"} ${sid}`);
        queueMicrotask(() => {
          publication.subscribed = isWanted;
          publication.track = isWanted ? { sid } : undefined;
          this.emit(isWanted ? RoomEvent.TrackSubscribed : RoomEvent.TrackUnsubscribed);
        });
      },
    };
    const known = this.remoteParticipants.get(identity);
    const participant = known ?? { identity, trackPublications: new Map<string, FakePublication>() };
    participant.trackPublications.set(sid, publication);
    this.remoteParticipants.set(identity, participant);
    this.emit(RoomEvent.TrackPublished, publication, participant);
    return publication;
  }

  asRoom(): Room {
    return this as unknown as Room;
  }
}

/**
 * `log` has the requests in order: `setKey bob 3`, `useKeyIndex own-2 3`. Never a key. As in rtc-node, a pause or a size of a track
 * that is not there is ignored.
 */
export interface FakeRtcNode extends RtcNode {
  readonly log: string[];
  readonly rooms: readonly FakeRoom[];
  readonly report$: Subject<CryptorReport>;
}

/** @param connecting How each attempt to connect goes. By default it succeeds. */
export function fakeRtcNode(connecting: () => Promise<void> = async () => {}): FakeRtcNode {
  const log: string[] = [];
  const rooms: FakeRoom[] = [];
  const report$ = new Subject<CryptorReport>();
  return {
    log,
    rooms,
    report$,
    makeRoom() {
      const room = new FakeRoom(log, connecting);
      rooms.push(room);
      return room.asRoom();
    },
    connect: (room, url, jwt, options) => room.connect(url, jwt, options),
    makeTrack: (name) => ({ name }) as unknown as LocalTrack,
    setKey: (_room, identity, keyIndex) => void log.push(`setKey ${identity} ${keyIndex}`),
    useKeyIndex: (_room, _identity, sid, keyIndex) => void log.push(`useKeyIndex ${sid} ${keyIndex}`),
    setMuted: (_track, isMuted) => void log.push(isMuted ? "mute" : "unmute"),
    setEnabled: ({ sid, track }, isEnabled) => void (track && log.push(`${isEnabled ? "enable" : "pause"} ${sid}`)),
    setDimensions: ({ sid, track }, width, height) => void (track && log.push(`${sid} ${width}x${height}`)),
    cryptorReports: () => report$,
  };
}
