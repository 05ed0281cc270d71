// RtcNode: what we need of @livekit/rtc-node: rooms, and the requests that its public API lacks. protocol.md 6.6.
import {
  type AudioSource,
  type EncryptionState,
  LocalAudioTrack,
  type LocalTrack,
  LocalVideoTrack,
  Room,
  type RoomOptions,
  type VideoSource,
} from "@livekit/rtc-node";
import { fromEventPattern, Observable } from "rxjs";
import { RtcError } from "../errors.ts";
import { kindOf, type MediaSource } from "../media/source.ts";

/** A track of a participant can be decrypted, or no longer. */
export interface CryptorReport {
  readonly participantIdentity: string;
  readonly state: EncryptionState;
}

/** What we need of rtc-node. Specs use a fake. */
export interface RtcNode {
  /** Connects, and emits the room. Fails if that fails. Unsubscribing disconnects. */
  connect(url: string, jwt: string, options: RoomOptions): Observable<Room>;
  /** A track that is fed by a source of the app. */
  createTrack(name: MediaSource, source: AudioSource | VideoSource): LocalTrack;
  /** Installs a key of a participant, at any index. */
  setKey(room: Room, participantIdentity: string, keyIndex: number, key: Uint8Array): void;
  /** Encrypts a published track with another key from now on. */
  useKeyIndex(room: Room, participantIdentity: string, trackSid: string, keyIndex: number): void;
  setMuted(track: LocalTrack, isMuted: boolean): void;
  cryptorReports(room: Room): Observable<CryptorReport>;
}

interface FfiClient {
  request(request: { readonly message: { readonly case: string; readonly value: object } }): unknown;
  on(event: "ffi_event", listener: (event: FfiEvent) => void): void;
  off(event: "ffi_event", listener: (event: FfiEvent) => void): void;
}

interface FfiEvent {
  readonly message: { readonly case?: string; readonly value?: unknown };
}

interface FfiRoomEvent {
  readonly roomHandle: bigint;
  readonly message: { readonly case?: string; readonly value?: unknown };
}

/**
 * The interface of rtc-node to its native part. `KeyProvider.setKey` of rtc-node sends no key, so the request has to be
 * made here. The package does not export it, but it keeps its only instance at this name, made by its first request.
 */
function ffi(): FfiClient {
  const { _ffiClientInstance } = globalThis as { readonly _ffiClientInstance?: FfiClient };
  if (_ffiClientInstance) return _ffiClientInstance;
  throw new RtcError("unsupported", "this version of @livekit/rtc-node keeps its native client elsewhere");
}

const handleOf = (room: Room): bigint | undefined => room["ffiHandle"]?.handle;

/** Nothing happens without a handle: the room is not connected any more. */
function requestE2ee(room: Room, message: { readonly case: string; readonly value: object }): void {
  const roomHandle = handleOf(room);
  if (roomHandle !== undefined) ffi().request({ message: { case: "e2ee", value: { roomHandle, message } } });
}

export const rtcNode: RtcNode = {
  connect: (url, jwt, options) =>
    new Observable((subscriber) => {
      const room = new Room();
      const connected = room.connect(url, jwt, options);
      connected.then(
        () => subscriber.next(room),
        (error: unknown) => subscriber.error(error),
      );
      return () => {
        room.removeAllListeners();
        connected.then(() => room.disconnect()).catch(() => {});
      };
    }),
  createTrack: (name, source) =>
    kindOf(name) === "audio"
      ? LocalAudioTrack.createAudioTrack(name, source as AudioSource)
      : LocalVideoTrack.createVideoTrack(name, source as VideoSource),
  setKey(room, participantIdentity, keyIndex, key) {
    requestE2ee(room, { case: "setKey", value: { participantIdentity, keyIndex, key } });
  },
  useKeyIndex(room, participantIdentity, trackSid, keyIndex) {
    requestE2ee(room, { case: "cryptorSetKeyIndex", value: { participantIdentity, trackSid, keyIndex } });
  },
  setMuted(track, isMuted) {
    const value = { trackHandle: track.ffi_handle.handle, mute: isMuted };
    ffi().request({ message: { case: "localTrackMute", value } });
  },
  cryptorReports: (room) =>
    fromEventPattern(
      (next) => {
        const listener = ({ message }: FfiEvent) => {
          if (message.case !== "roomEvent") return;
          const event = message.value as FfiRoomEvent;
          if (event.message.case === "e2eeStateChanged" && event.roomHandle === handleOf(room))
            next(event.message.value);
        };
        ffi().on("ffi_event", listener);
        return listener;
      },
      (_, listener: (event: FfiEvent) => void) => ffi().off("ffi_event", listener),
    ),
};
