// FakeRtcNode: rooms of rtc-node without a network. Specs connect them, publish in them and look at what was asked of them.
import { EventEmitter } from "node:events";
import { EncryptionType, type LocalTrack, type Room, RoomEvent, TrackSource } from "@livekit/rtc-node";
import { NEVER, Observable, Subject } from "rxjs";
import type { CryptorReport, RtcNode } from "../../src/livekit-node/rtc-node.ts";

interface FakePublication {
  readonly sid: string;
  readonly source: TrackSource;
  readonly encryptionType: EncryptionType;
  muted: boolean;
  subscribed: boolean;
  track: { readonly sid: string } | undefined;
  setSubscribed(isWanted: boolean): void;
}

export class FakeRoom extends EventEmitter {
  readonly url: string;
  readonly jwt: string;
  readonly remoteParticipants = new Map<
    string,
    { identity: string; trackPublications: Map<string, FakePublication> }
  >();
  readonly localParticipant = {
    identity: "alice",
    trackPublications: new Map<string, { sid: string; source: TrackSource; encryptionType: EncryptionType }>(),
    publishTrack: async (_track: unknown, { source }: { source?: TrackSource }) => {
      const sid = `own-${source}`;
      const publication = { sid, source: source!, encryptionType: EncryptionType.GCM };
      this.localParticipant.trackPublications.set(sid, publication);
      return publication;
    },
    unpublishTrack: async (sid: string) => void this.localParticipant.trackPublications.delete(sid),
  };

  constructor(url: string, jwt: string) {
    super();
    this.url = url;
    this.jwt = jwt;
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
      source,
      encryptionType,
      muted: false,
      subscribed: false,
      track: undefined,
      setSubscribed: (isWanted) => {
        publication.subscribed = isWanted;
        publication.track = isWanted ? { sid } : undefined;
        this.emit(isWanted ? RoomEvent.TrackSubscribed : RoomEvent.TrackUnsubscribed);
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

/** `log` has the requests in order: `setKey bob 3`, `useKeyIndex own-2 3`. Never a key. */
export interface FakeRtcNode extends RtcNode {
  readonly log: string[];
  readonly rooms: readonly FakeRoom[];
  readonly report$: Subject<CryptorReport>;
}

/** @param connecting What a connection does before it is there: by default nothing. */
export function fakeRtcNode(connecting: (url: string) => Observable<never> = () => NEVER): FakeRtcNode {
  const log: string[] = [];
  const rooms: FakeRoom[] = [];
  const report$ = new Subject<CryptorReport>();
  return {
    log,
    rooms,
    report$,
    connect: (url, jwt) =>
      new Observable((subscriber) => {
        subscriber.add(connecting(url).subscribe({ error: (error: unknown) => subscriber.error(error) }));
        if (subscriber.closed) return undefined;
        const room = new FakeRoom(url, jwt);
        rooms.push(room);
        log.push(`connect ${url} ${jwt}`);
        subscriber.next(room.asRoom());
        return () => {
          room.removeAllListeners();
          log.push(`disconnect ${url} ${jwt}`);
        };
      }),
    createTrack: (name) => ({ name }) as unknown as LocalTrack,
    setKey: (_room, identity, keyIndex) => void log.push(`setKey ${identity} ${keyIndex}`),
    useKeyIndex: (_room, _identity, sid, keyIndex) => void log.push(`useKeyIndex ${sid} ${keyIndex}`),
    setMuted: (_track, isMuted) => void log.push(isMuted ? "mute" : "unmute"),
    cryptorReports: () => report$,
  };
}
