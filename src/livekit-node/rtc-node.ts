// RtcNode: what we need of @livekit/rtc-node: rooms and tracks, and the requests that its public API lacks. protocol.md 6.6.
import {
  type EncryptionState,
  LocalAudioTrack,
  type LocalTrack,
  LocalVideoTrack,
  type RemoteTrackPublication,
  Room,
  type RoomOptions,
} from "@livekit/rtc-node";
import { fromEventPattern, type Observable } from "rxjs";
import { RtcError } from "../errors.ts";
import { kindOf, type MediaSource } from "../media/source.ts";
import { type NativeClient, stopNativeLog } from "./native-log.ts";
import type { NodeSource } from "./node-track.ts";

/** A track of a participant can be decrypted, or no longer. */
export interface CryptorReport {
  readonly participantIdentity: string;
  readonly state: EncryptionState;
}

/** Options of a room, with one that its native part has and its types lack. */
export interface ConnectOptions extends RoomOptions {
  /** How often it tries again by itself: a try that we have given up would reach the SFU later, and send its successor away. */
  readonly joinRetries: number;
}

/** What we need of rtc-node. Specs use a fake. */
export interface RtcNode {
  makeRoom(): Room;
  connect(room: Room, url: string, jwt: string, options: ConnectOptions): Promise<void>;
  makeTrack(name: MediaSource, source: NodeSource): LocalTrack;
  /** Installs a key of a participant, at any index. */
  setKey(room: Room, participantIdentity: string, keyIndex: number, key: Uint8Array): void;
  /** Encrypts a published track with another key from now on. */
  useKeyIndex(room: Room, participantIdentity: string, trackSid: string, keyIndex: number): void;
  setMuted(track: LocalTrack, isMuted: boolean): void;
  /** Lets the SFU send a track that is subscribed to, or not. */
  setEnabled(publication: RemoteTrackPublication, isEnabled: boolean): void;
  /** Asks the SFU for the layer of this size. */
  setDimensions(publication: RemoteTrackPublication, width: number, height: number): void;
  cryptorReports(room: Room): Observable<CryptorReport>;
}

interface FfiClient extends NativeClient<FfiEvent> {
  request(request: { readonly message: { readonly case: string; readonly value: object } }): unknown;
  on(event: "ffi_event", listener: (event: FfiEvent) => void): void;
  off(event: "ffi_event", listener: (event: FfiEvent) => void): void;
}

interface FfiEvent {
  readonly message: { readonly case?: string; readonly value?: unknown };
}

interface FfiRoomEvent extends FfiEvent {
  readonly roomHandle: bigint;
}

/**
 * The interface of rtc-node to its native part. `KeyProvider.setKey` of rtc-node sends no key, so the request has to be
 * made here. The package does not export it, but it keeps its only instance under this name from its first request on.
 */
const findFfi = (): FfiClient | undefined =>
  (globalThis as { readonly _ffiClientInstance?: FfiClient })._ffiClientInstance;

function ffi(): FfiClient {
  const client = findFfi();
  if (client) return client;
  throw new RtcError("unsupported", "this version of @livekit/rtc-node keeps its native client elsewhere");
}

const request = (name: string, value: object): unknown => ffi().request({ message: { case: name, value } });

const handleOf = (room: Room): bigint | undefined => room["ffiHandle"]?.handle;

/** Without a handle, the room is not connected any more. */
function requestE2ee(room: Room, name: string, value: object): void {
  const roomHandle = handleOf(room);
  if (roomHandle !== undefined) request("e2ee", { roomHandle, message: { case: name, value } });
}

export const rtcNode: RtcNode = {
  makeRoom: () => new Room(),
  connect(room, url, jwt, options) {
    const connected = room.connect(url, jwt, options);
    const client = findFfi();
    if (client) stopNativeLog(client);
    return connected;
  },
  makeTrack: (name, source) =>
    kindOf(name) === "audio"
      ? LocalAudioTrack.createAudioTrack(name, source as Parameters<typeof LocalAudioTrack.createAudioTrack>[1])
      : LocalVideoTrack.createVideoTrack(name, source as Parameters<typeof LocalVideoTrack.createVideoTrack>[1]),
  setKey(room, participantIdentity, keyIndex, key) {
    requestE2ee(room, "setKey", { participantIdentity, keyIndex, key });
  },
  useKeyIndex(room, participantIdentity, trackSid, keyIndex) {
    requestE2ee(room, "cryptorSetKeyIndex", { participantIdentity, trackSid, keyIndex });
  },
  setMuted(track, mute) {
    request("localTrackMute", { trackHandle: track.ffi_handle.handle, mute });
  },
  setEnabled({ ffiHandle: { handle: trackPublicationHandle } }, enabled) {
    request("enableRemoteTrackPublication", { trackPublicationHandle, enabled });
  },
  setDimensions({ ffiHandle: { handle: trackPublicationHandle } }, width, height) {
    request("updateRemoteTrackPublicationDimension", { trackPublicationHandle, width, height });
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
