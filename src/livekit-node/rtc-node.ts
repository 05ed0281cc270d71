// RtcNode: what we need of @livekit/rtc-node: rooms, and the requests that its public API lacks. protocol.md 6.6.
import { type EncryptionState, type LocalTrack, Room } from "@livekit/rtc-node";
import { fromEventPattern, type Observable } from "rxjs";
import { RtcError } from "../errors.ts";

/** A track of a participant can be decrypted, or no longer. */
export interface CryptorReport {
  readonly participantIdentity: string;
  readonly state: EncryptionState;
}

/** What we need of rtc-node. Specs use a fake. */
export interface RtcNode {
  createRoom(): Room;
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
  createRoom: () => new Room(),
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
