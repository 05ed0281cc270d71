// Decryption: what a LiveKit room says of media that it cannot decrypt, on its way into `encryptionStatus$`. protocol.md 6.6.
import { type Participant, type Room, RoomEvent } from "livekit-client";
import { Observable } from "rxjs";
import type { Decryption } from "../keys/trace.ts";

/** The worker puts the reason of an error before its message, which is all of it that comes across. */
const results: readonly [prefix: string, result: Decryption["result"]][] = [
  ["InvalidKey:", "invalid-key"],
  ["MissingKey:", "missing-key"],
];

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
    const onError = ({ message }: Error, participant?: Participant) => {
      const [, result] = results.find(([prefix]) => message.startsWith(prefix)) ?? [];
      if (!participant || !result) return;
      const { identity: participantIdentity } = participant;
      const [, index] = /at index (\d+)/.exec(message) ?? [];
      subscriber.next({ participantIdentity, result, ...(index !== undefined && { keyIndex: Number(index) }) });
    };
    room.on(RoomEvent.EncryptionError, onError);
    return () => room.off(RoomEvent.EncryptionError, onError);
  });
}
