// Decryption: what a LiveKit room says of media that it cannot decrypt, on its way into `encryptionStatus$`. protocol.md 6.6.
import { type Participant, type Room, RoomEvent } from "livekit-client";
import { Observable } from "rxjs";
import type { Decryption } from "../keys/trace.ts";

/** `CryptorErrorReason` of LiveKit, which it does not export. */
const results: Readonly<Record<number, Decryption["result"]>> = { 0: "invalid-key", 1: "missing-key" };

/**
 * The trouble of a LiveKit room with keys, per participant: for `join({ decryption$ })`, so that `encryptionStatus$`
 * says why a tile is black, and a missing key is asked for.
 *
 * It ends by a new key of the index, or of any index where LiveKit names none.
 *
 * @example
 * ```ts
 * import { decryption } from "matrixrtc-rx/livekit";
 *
 * const room = { on: () => room, off: () => room } as never; // in an app: a LiveKit Room
 * const decryption$ = decryption(room); // then: session.join({ decryption$ })
 * decryption$.subscribe().unsubscribe();
 * ```
 */
export function decryption(room: Pick<Room, "on" | "off">): Observable<Decryption> {
  return new Observable((subscriber) => {
    // Errors of the worker come as copies: plain objects with the fields of a CryptorError.
    const onError = (error: Error & { reason?: number; participantIdentity?: string }, participant?: Participant) => {
      const participantIdentity = error.participantIdentity ?? participant?.identity;
      const result = results[error.reason ?? -1];
      if (participantIdentity === undefined || result === undefined) return;
      const [, index] = /at index (\d+)/.exec(error.message) ?? [];
      subscriber.next({ participantIdentity, result, ...(index !== undefined && { keyIndex: Number(index) }) });
    };
    room.on(RoomEvent.EncryptionError, onError);
    return () => room.off(RoomEvent.EncryptionError, onError);
  });
}
