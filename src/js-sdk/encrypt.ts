// Encrypt: encrypts a timeline event for its room. protocol.md 4.6, 5.5.
import { type MatrixClient, MatrixEvent, type Room } from "matrix-js-sdk";
import { defer, type Observable } from "rxjs";
import { MatrixError, type OutgoingEvent } from "../matrix.ts";
import { isObject } from "../room/json.ts";
import type { Wire } from "./event-requests.ts";
import { portErrors } from "./sdk-request.ts";

/** The form of an event on the wire: the event, or its ciphertext if the room is encrypted. Never falls back to cleartext. */
export function wireOf(client: MatrixClient, event: OutgoingEvent): Observable<Wire> {
  return defer(() => encryptIfNeeded(client, event)).pipe(portErrors());
}

async function encryptIfNeeded(client: MatrixClient, event: OutgoingEvent): Promise<Wire> {
  if (event.stateKey !== undefined || event.isCleartext) return event;
  const room = client.getRoom(event.roomId);
  if (!room) throw new MatrixError("other", "the client does not know the room, and so not whether it is encrypted");
  const crypto = client.getCrypto();
  const isEncrypted = room.hasEncryptionStateEvent() || (await crypto?.isEncryptionEnabledInRoom(event.roomId));
  if (!isEncrypted) return event;
  if (!canEncrypt(crypto)) throw new MatrixError("unsupported", "the client has no encryption for an encrypted room");
  // A stopped client leaves a rejection that no code can catch, which would end a Node process.
  if (!client.clientRunning) throw new MatrixError("network", "the client is not running");
  const draft = new MatrixEvent({
    type: event.type,
    content: { ...event.content },
    room_id: event.roomId,
    sender: client.getSafeUserId(),
    txn_id: event.txnId,
  });
  await crypto.encryptEvent(draft, room);
  return { type: draft.getWireType(), content: draft.getWireContent() };
}

/**
 * We need only the encryption. The SDK's own `sendEvent` adds the message to the room's timeline while it is being sent,
 * leaves it there when it fails, queues it behind other unsent messages, and cannot be aborted.
 */
interface Encrypting {
  encryptEvent(event: MatrixEvent, room: Room): Promise<void>;
}

const canEncrypt = (crypto: unknown): crypto is Encrypting =>
  isObject(crypto) && typeof (crypto as Partial<Encrypting>).encryptEvent === "function";
