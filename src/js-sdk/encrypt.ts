// Encrypting an event of the timeline for its room. protocol.md 4.6, 5.5.
import { type MatrixClient, MatrixEvent, type Room } from "matrix-js-sdk";
import { defer, type Observable } from "rxjs";
import { MatrixError, type OutgoingEvent } from "../matrix.ts";
import { isObject } from "../room/json.ts";
import type { Wire } from "./event-requests.ts";
import { portErrors } from "./sdk-request.ts";

/** What to send of an event: itself, or its ciphertext if the room is encrypted. Never falls back to the clear. */
export function wireOf(client: MatrixClient, event: OutgoingEvent): Observable<Wire> {
  return defer(() => encryptIfNeeded(client, event)).pipe(portErrors());
}

async function encryptIfNeeded(client: MatrixClient, event: OutgoingEvent): Promise<Wire> {
  if (event.stateKey !== undefined) return event;
  const room = client.getRoom(event.roomId);
  if (!room) throw new MatrixError("other", "the client does not know the room, nor whether it is encrypted");
  const crypto = client.getCrypto();
  const isEncrypted = room.hasEncryptionStateEvent() || (await crypto?.isEncryptionEnabledInRoom(event.roomId));
  if (!isEncrypted) return event;
  if (!canEncrypt(crypto)) throw new MatrixError("unsupported", "the client has no encryption for an encrypted room");
  // The SDK's encryption, once stopped, leaves a rejection that nobody can catch: it would end a Node process.
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
 * The SDK's own `sendEvent` would put a message into the room's time line for as long as it is under way, leave it
 * there when it fails, wait behind other unsent ones, and could not be aborted. Encrypting is the part that we need.
 */
interface Encrypting {
  encryptEvent(event: MatrixEvent, room: Room): Promise<void>;
}

const canEncrypt = (crypto: unknown): crypto is Encrypting =>
  isObject(crypto) && typeof (crypto as Partial<Encrypting>).encryptEvent === "function";
