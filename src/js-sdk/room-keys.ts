// RoomKeys: media keys in timeline events, as clients sent them until 2025. One listener for all rooms. protocol.md 5.5.
import { type MatrixClient, type MatrixEvent, MatrixEventEvent } from "matrix-js-sdk";
import { Observable, share } from "rxjs";
import type { RoomKeyEvent } from "../matrix.ts";
import { isFiniteNumber } from "../room/json.ts";
import { roomKeyType } from "../room/names.ts";
import { proofOf } from "./proof.ts";

/** The `EventShieldReason`s of a forwarded session and of a session of somebody else. The SDK exports them from a separate path. */
const doubtful: ReadonlySet<number | null> = new Set([4, 5, 8]);

/** Emits encrypted events only: a key that was sent in cleartext protects nothing. */
export function roomKeysOf(client: MatrixClient): Observable<RoomKeyEvent> {
  return new Observable<RoomKeyEvent>((subscriber) => {
    const proven = async (event: MatrixEvent, sender: string, key: string | null): Promise<RoomKeyEvent["proof"]> => {
      const info = await client
        .getCrypto()
        ?.getEncryptionInfoForEvent(event)
        .catch(() => null);
      if (key === null || !info || doubtful.has(info.shieldReason)) return { crossSigned: false };
      return proofOf(client, sender, key);
    };

    const onDecrypted = (event: MatrixEvent) => {
      const [roomId, sender, key] = [event.getRoomId(), event.getSender(), event.getSenderKey()];
      if (event.getType() !== roomKeyType || roomId === undefined || sender === undefined) return;
      const [originServerTs, ageMs] = [event.getTs(), event.getAge()];
      const roomKey = {
        roomId,
        sender,
        // The content that the device encrypted. A later edit may come from another device.
        content: event.getOriginalContent<object>(),
        originServerTs,
        ...(isFiniteNumber(ageMs) && { ageMs }),
      };
      void proven(event, sender, key).then((proof) => subscriber.next({ ...roomKey, proof }));
    };
    client.on(MatrixEventEvent.Decrypted, onDecrypted);
    return () => {
      client.off(MatrixEventEvent.Decrypted, onDecrypted);
    };
  }).pipe(share());
}
